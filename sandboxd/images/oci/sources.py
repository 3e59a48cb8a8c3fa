"""Files that hold images, by name: a directory, or an archive that can be moved in. What is no regular file is not there."""

from __future__ import annotations

import errno
import os
import posixpath
import stat
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from sandboxd.errors import InvalidImage, shown
from sandboxd.images.oci.caps import Caps
from sandboxd.images.oci.tarstream import Kind, TarReader
from sandboxd.linux.files import open_beneath

_CHUNK_BYTES = 1 << 20
# No archive of images has more; a root file system may.
_MOST_NAMES = 100_000
_MOST_NAME_BYTES = 16 << 20  # of all of them, and of the targets of links
_NOT_THERE = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.EXDEV, errno.ENAMETOOLONG)


class Source(ABC):
    """Files by name."""

    @abstractmethod
    def size(self, name: str) -> int | None:
        """Return how many bytes a file has; None where there is no such file."""

    @abstractmethod
    def chunks(self, name: str) -> Iterator[bytes]:
        """Yield the content of a file. InvalidImage where there is none."""

    def read(self, name: str, most_bytes: int) -> bytes:
        """Return the content of a small file. InvalidImage where there is none, or a larger one."""
        size = self.size(name)
        if size is None:
            raise _missing(name)
        if size > most_bytes:
            raise InvalidImage(f"{shown(name)}: larger than {most_bytes} bytes")
        return b"".join(self.chunks(name))


class DirectorySource(Source):
    """The files of a directory; no link in it is followed. Close it."""

    def __init__(self, directory: Path) -> None:
        self._directory = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)

    def close(self) -> None:
        """Give the directory back."""
        os.close(self._directory)

    def size(self, name: str) -> int | None:
        """See Source."""
        with self._opened(name) as file:
            return None if file is None else os.fstat(file.fileno()).st_size

    def chunks(self, name: str) -> Iterator[bytes]:
        """See Source."""
        with self._opened(name) as file:
            if file is None:
                raise _missing(name)
            while chunk := file.read(_CHUNK_BYTES):
                yield chunk

    @contextmanager
    def _opened(self, name: str) -> Iterator[BinaryIO | None]:
        try:
            # Of a FIFO, opening would wait for a writer.
            descriptor = open_beneath(self._directory, name, os.O_RDONLY | os.O_NONBLOCK)
        except OSError as error:
            if error.errno not in _NOT_THERE:
                raise
            yield None
            return
        with os.fdopen(descriptor, "rb") as file:
            yield file if stat.S_ISREG(os.fstat(descriptor).st_mode) else None


class TarSource(Source):
    """The files of an archive, which is not compressed."""

    def __init__(self, file: BinaryIO, caps: Caps) -> None:
        """Read where everything is. Of two files of one name the later one counts."""
        self._file = file
        self._places: dict[str, tuple[int, int]] = {}
        self._links: dict[str, str] = {}
        file.seek(0)
        left = _MOST_NAME_BYTES
        for number, entry in enumerate(TarReader(file, most_header_bytes=caps.header_bytes, seek=file.seek)):
            left -= len(entry.name) + len(entry.target)
            if number >= _MOST_NAMES or left < 0:
                break  # it is a root file system, whose names do not matter here
            name = posixpath.normpath(os.fsdecode(entry.name))
            self._places.pop(name, None)
            self._links.pop(name, None)
            if entry.kind is Kind.FILE:
                self._places[name] = (entry.offset, entry.size)
            elif entry.kind is Kind.SYMLINK:  # of layers that docker save used to write once
                self._links[name] = posixpath.normpath(
                    posixpath.join(posixpath.dirname(name), os.fsdecode(entry.target))
                )
            elif entry.kind is Kind.HARD_LINK:
                self._links[name] = posixpath.normpath(os.fsdecode(entry.target))

    def size(self, name: str) -> int | None:
        """See Source."""
        place = self._place(name)
        return None if place is None else place[1]

    def chunks(self, name: str) -> Iterator[bytes]:
        """See Source."""
        place = self._place(name)
        if place is None:
            raise _missing(name)
        offset, left = place
        while left:
            self._file.seek(offset)
            chunk = self._file.read(min(left, _CHUNK_BYTES))
            if not chunk:
                raise InvalidImage(f"{shown(name)}: the archive ends in the middle of it")
            yield chunk
            offset, left = offset + len(chunk), left - len(chunk)

    def _place(self, name: str) -> tuple[int, int] | None:
        """Find a file by its name or over one link."""
        return self._places.get(name) or self._places.get(self._links.get(name, ""))


def _missing(name: str) -> InvalidImage:
    return InvalidImage(f"{shown(name)}: there is no such file in the image")
