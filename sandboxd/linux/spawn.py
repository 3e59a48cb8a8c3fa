"""Starting a program as process 1 of a pid namespace of its own, from a process with threads."""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from sandboxd.linux import process


def spawn_first(path: str, argv: list[str], file_actions: Sequence[tuple[Any, ...]]) -> int:
    """Start a program as process 1 of a new pid namespace, in a session of its own, with nothing of this one's environment.

    Returns its pid here. unshare(2) of a pid namespace is about the children of one thread, which can start no other thread
    afterwards: so it is one for this.
    """

    def spawn() -> int:
        process.unshare(process.Namespace.PID)
        return os.posix_spawn(path, argv, {}, file_actions=file_actions, setsid=True, setsigmask=[])

    with ThreadPoolExecutor(1) as thread:
        try:
            spawning = thread.submit(spawn)
        except RuntimeError as error:
            raise OSError(errno.EAGAIN, str(error)) from error
        return spawning.result()
