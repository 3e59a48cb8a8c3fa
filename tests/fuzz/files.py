"""Files for what reads files: a directory for the life of the process, and what is put there."""

from __future__ import annotations

import functools
import shutil
import tempfile
import weakref
from pathlib import Path


class _Directory:
    """A directory that goes with the process."""

    def __init__(self) -> None:
        self.path = Path(tempfile.mkdtemp(prefix="sandboxd-fuzz-"))
        weakref.finalize(self, shutil.rmtree, self.path)


@functools.cache
def directory(name: str) -> Path:
    """Return a directory of this name, the same one each time."""
    path = _root().path / name
    path.mkdir()
    return path


@functools.cache
def _root() -> _Directory:
    return _Directory()


def put(place: Path, data: bytes) -> Path:
    """Make the bytes the content of a file."""
    place.write_bytes(data)
    return place
