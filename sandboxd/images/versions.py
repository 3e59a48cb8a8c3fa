"""Writing to the image store: versions appear in one rename and are removed when no name has them.

A writer works in the store's .tmp. Killed at any moment, it leaves the images as they were; the next one removes what
it left.
"""

from __future__ import annotations

import errno
import fcntl
import logging
import os
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from sandboxd.errors import BuildFailed, ForeignImage
from sandboxd.images import commands
from sandboxd.images.files import EROFS_ROOT
from sandboxd.images.lease import Lease, removing

log = logging.getLogger(__name__)

_VERSIONS, _TEMPORARY, _LOCK, _LAYERS = ".versions", ".tmp", ".lock", ".layers"
_WORK, _NEW = ".work-", ".new-"

Progress = Callable[[str], None]
"""Is told what happens, in lines for people."""


@contextmanager
def writing(store: Path, progress: Progress) -> Iterator[None]:
    """Hold the store: one writer at a time. What killed writers left is removed first."""
    for directory in (store, store / _TEMPORARY, store / _VERSIONS, store / _LAYERS):
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
    work = Path(tempfile.mkdtemp(dir=store / _TEMPORARY, prefix=""))
    try:
        yield work
    finally:
        _remove(work)


@contextmanager
def outside_work_directory(store: Path) -> Iterator[Path]:
    """Give an empty directory on the store's file system, for the time of the block, to who is not writing."""
    new = Path(tempfile.mkdtemp(dir=store, prefix=_NEW))
    lease = Lease(new)
    work = new.rename(store / f"{_WORK}{new.name.removeprefix(_NEW)}")  # where a writer finds it if this process dies
    try:
        yield work
    finally:
        _remove(work)
        del lease


def shared_layers(store: Path) -> Path:
    """Return the directory of layers that images made of the same things share, each in one of its own, named by what it is made of."""
    return store / _LAYERS


def install(store: Path, name: str, finished: Path) -> None:
    """Make a finished directory, in a work directory, the version that ``name`` means. Only while writing."""
    sync(finished)
    version = store / _VERSIONS / f"{name}.{finished.parent.name}"
    finished.rename(version)
    link = finished.parent / "link"
    link.symlink_to(version.relative_to(store))
    try:
        link.replace(store / name)
    except IsADirectoryError:
        raise ForeignImage(f"{store / name} is a directory that was not built here; move it away") from None


def tag(store: Path, name: str, new_name: str) -> None:
    """Have ``new_name`` mean what ``name`` means, in one rename. Only while writing; FileNotFoundError where there is no such image."""
    target = _target(store, name)
    with work_directory(store) as work:
        link = work / "link"
        link.symlink_to(target)
        try:
            link.replace(store / new_name)
        except IsADirectoryError:
            raise ForeignImage(f"{new_name} is a directory that was not built here; move it away") from None


def remove(store: Path, name: str) -> None:
    """Take a name away. Only while writing; FileNotFoundError where there is no such image. What no name means goes when the next writer comes."""
    _target(store, name)
    (store / name).unlink()


def sync(finished: Path) -> None:
    """Have on the disk what a name is about to mean, whatever becomes of the machine. Of a directory of files only what is beside it."""
    for path in (*(path for path in finished.iterdir() if path.is_file()), finished):
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)


def _target(store: Path, name: str) -> str:
    try:
        return os.readlink(store / name)
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
        raise ForeignImage(f"{name} is a directory that was not built here: it is not sandboxd's to change") from None


def _unused_layers(store: Path) -> list[Path]:
    """Return the shared layers that no image has: their file has no name elsewhere. That of several, which are the same, has one in each."""
    found = {layer: layer / EROFS_ROOT for layer in (store / _LAYERS).iterdir()}
    status = {layer: file.stat() for layer, file in found.items() if file.exists()}
    names = Counter(one.st_ino for one in status.values())
    return [layer for layer in found if layer not in status or status[layer].st_nlink == names[status[layer].st_ino]]


def _sweep(store: Path) -> None:
    """Remove leftovers: what no name means and nobody has a lease of.

    The version that is replaced now stays until the next writer comes: who has just followed its name may be about to take a lease.
    """
    used = {os.readlink(path) for path in store.iterdir() if path.is_symlink()}
    unnamed = (path for path in (store / _VERSIONS).iterdir() if f"{_VERSIONS}/{path.name}" not in used)
    for path in (*unnamed, *store.glob(f"{_WORK}*")):
        with removing(path) as alone:
            if alone:
                _remove(path)
    for path in (*(store / _TEMPORARY).iterdir(), *_unused_layers(store)):  # of those that the others had
        _remove(path)


def _remove(path: Path) -> None:
    """Remove a tree, however deep: shutil.rmtree() calls itself for each level. What resists is told, and keeps nobody from working."""
    try:
        commands.run(["rm", "-rf", "--", str(path)])
    except BuildFailed as error:
        log.warning("cannot be removed: %s", error)
