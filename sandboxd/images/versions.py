"""Writing to the image store: versions appear in one rename and are removed when no name has them.

A writer works in the store's .tmp. Killed at any moment, it leaves the images as they were; the next one removes what
it left.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from sandboxd.errors import SandboxError

_VERSIONS, _TEMPORARY, _LOCK = ".versions", ".tmp", ".lock"

Progress = Callable[[str], None]
"""Is told what happens, in lines for people."""


@contextmanager
def writing(store: Path, progress: Progress) -> Iterator[None]:
    """Hold the store: one writer at a time. What killed writers left is removed first."""
    for directory in (store, store / _TEMPORARY, store / _VERSIONS):
        directory.mkdir(mode=0o755, parents=True, exist_ok=True)
    with (store / _LOCK).open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            progress("waiting for another build")
            fcntl.flock(lock, fcntl.LOCK_EX)
        _sweep(store)
        yield


@contextmanager
def work_directory(store: Path) -> Iterator[Path]:
    """Give an empty directory on the store's file system, for the time of the block. Only while writing."""
    with tempfile.TemporaryDirectory(dir=store / _TEMPORARY, prefix="") as work:
        yield Path(work)


def install(store: Path, name: str, finished: Path) -> None:
    """Make a finished directory, in a work directory, the version that ``name`` means. Only while writing."""
    version = store / _VERSIONS / f"{name}.{finished.parent.name}"
    finished.rename(version)
    link = finished.parent / "link"
    link.symlink_to(version.relative_to(store))
    try:
        link.replace(store / name)
    except IsADirectoryError:
        raise SandboxError(f"{store / name} is a directory that was not built here; move it away") from None


def _sweep(store: Path) -> None:
    """Remove leftovers.

    The version that is replaced now stays until the next writer comes: containers may be starting from it.
    """
    used = {os.readlink(path) for path in store.iterdir() if path.is_symlink()}
    leftovers = list((store / _TEMPORARY).iterdir())
    leftovers += [path for path in (store / _VERSIONS).iterdir() if f"{_VERSIONS}/{path.name}" not in used]
    for path in leftovers:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
