"""Processes that do not die: a stand-in for uninterruptible sleep, in which a process acts on no signal, SIGKILL included.

cgroup v1's freezer holds processes so. It can be mounted beside cgroup v2, whose own lets them be killed.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.observe import wait_for


class Frozen:
    """A group of the freezer with processes in it."""

    def __init__(self, group: Path) -> None:
        self._group = group

    def thaw(self) -> None:
        """Let them go on, and die if they are to."""
        (self._group / "freezer.state").write_text("THAWED")


@contextlib.contextmanager
def frozen(pids: Sequence[int]) -> Iterator[Frozen]:
    """Hold processes, which must have ended or end soon when the block does."""
    with tempfile.TemporaryDirectory(prefix="sandboxd-freezer-") as place, contextlib.ExitStack() as stack:
        subprocess.run(["mount", "-t", "cgroup", "-o", "freezer", "none", place], check=True)
        stack.callback(subprocess.run, ["umount", place], check=True)
        group = Path(place, f"undying-{os.getpid()}")
        group.mkdir()
        stack.callback(group.rmdir)
        for pid in pids:
            (group / "cgroup.procs").write_text(str(pid))
        held = Frozen(group)
        (group / "freezer.state").write_text("FROZEN")
        stack.callback(lambda: wait_for(lambda: not (group / "cgroup.procs").read_text()))
        stack.callback(held.thaw)
        wait_for(lambda: (group / "freezer.state").read_text() == "FROZEN\n")
        yield held
