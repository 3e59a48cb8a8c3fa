"""Who uses a version of an image has a lease of it, which the kernel ends with its holder: what is leased is not removed.

A lease is a shared flock(2) on the version's directory; who removes it holds it alone.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import weakref
from collections.abc import Iterator
from pathlib import Path


class Lease:
    """On one directory, until nobody refers to this any more.

    FileNotFoundError where the directory is gone, BlockingIOError where it is being removed.
    """

    def __init__(self, directory: Path) -> None:
        fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        weakref.finalize(self, os.close, fd)
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)


@contextlib.contextmanager
def removing(directory: Path) -> Iterator[bool]:
    """Hold a directory alone for the time of the block; False where somebody has a lease of it, or it is gone."""
    try:
        fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except FileNotFoundError:
        yield False
        return
    except NotADirectoryError:  # of a file nobody has a lease
        yield True
        return
    try:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
    finally:
        os.close(fd)
