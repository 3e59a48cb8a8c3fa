"""Reading a tar archive that an enemy wrote, in one go from a stream, with bounded memory.

Python's tarfile cannot be it: it takes a damaged header for the archive's end, reads an extended header of any size into
memory, lets a global one change the names of all entries (Docker and containerd do not), and keeps all that it has read. Here
all that could be read in two ways is refused: what was checked by one reader must be what another one runs.
"""

from __future__ import annotations

import enum
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

from sandboxd.errors import InvalidImage, shown

BLOCK_BYTES = 512
_CHUNK_BYTES = 1 << 20
_MOST_HEADERS = 8  # a name, a target, an extended header, a global one: four are the most that any tar writes
_NO_DATA = b"\0" * BLOCK_BYTES
_SKIPPED_BYTES = 1 << 17

# Fields of a header: where they begin and end.
_NAME, _MODE, _UID, _GID, _SIZE, _MTIME = (0, 100), (100, 108), (108, 116), (116, 124), (124, 136), (136, 148)
_CHECKSUM, _TYPE, _LINK, _MAGIC, _PREFIX = (148, 156), 156, (157, 257), (257, 263), (345, 500)
_USTAR = b"ustar\0"  # GNU's own magic ends in blanks, and its headers have other things where the prefix is

_EXTENDED, _GLOBAL, _LONG_NAME, _LONG_LINK, _SPARSE = b"x", b"g", b"L", b"K", b"S"
_CAPABILITY = b"SCHILY.xattr.security.capability"
_BASE_256, _NEGATIVE = 0x80, 0x40
_NUMBER_MAX = 1 << 63


class Kind(enum.Enum):
    """What an entry makes."""

    FILE = enum.auto()
    DIRECTORY = enum.auto()
    SYMLINK = enum.auto()
    HARD_LINK = enum.auto()
    SPECIAL = enum.auto()
    """A device or a FIFO."""


_KINDS = {
    b"0": Kind.FILE,
    b"\0": Kind.FILE,
    b"7": Kind.FILE,
    b"1": Kind.HARD_LINK,
    b"2": Kind.SYMLINK,
    b"3": Kind.SPECIAL,
    b"4": Kind.SPECIAL,
    b"5": Kind.DIRECTORY,
    b"6": Kind.SPECIAL,
}


class Stream(Protocol):
    """What an archive is read from."""

    def read(self, size: int, /) -> bytes:
        """Return at most so many bytes, none at the end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One entry, as the archive has it: nothing of it is checked but that it can be read."""

    name: bytes
    kind: Kind
    mode: int
    uid: int
    gid: int
    size: int
    """Bytes of a file; 0 of all else."""
    mtime: int
    """Seconds since 1970."""
    target: bytes
    """Of a link; empty of all else."""
    has_capabilities: bool
    """Whether the file would give its programs privileges by an extended attribute."""
    offset: int
    """Where in the archive its data begin."""


@dataclass(slots=True)
class _Extension:
    """What the headers before an entry say of it."""

    pax: dict[bytes, bytes] | None = None
    name: bytes | None = None
    target: bytes | None = None


class TarReader:
    """The entries of an archive, in order. InvalidImage, with the offset, where it is damaged or could be read in two ways."""

    def __init__(self, stream: Stream, *, most_header_bytes: int, seek: Callable[[int], object] | None = None) -> None:
        """``most_header_bytes`` bounds an extended header; ``seek`` is how data are skipped where the stream can be moved."""
        self._stream, self._most, self._seek = stream, most_header_bytes, seek
        self._position = 0
        self.has_end = False
        """Whether the empty block has come that ends an archive. Some tools do without; but so does one that was cut off."""
        self._data_left = 0
        self._padding = 0

    def __iter__(self) -> Iterator[Entry]:
        """Each entry; what was not read of its data is skipped."""
        while (entry := self._next()) is not None:
            yield entry
        self._check_end()

    def chunks(self) -> Iterator[bytes]:
        """Yield the data of the entry that came last."""
        while self._data_left:
            chunk = self._read(min(self._data_left, _CHUNK_BYTES))
            self._data_left -= len(chunk)
            yield chunk

    def read(self, most: int) -> bytes:
        """Return the data of the entry that came last. InvalidImage if there are more than that."""
        if self._data_left > most:
            raise self._wrong(f"an entry of {self._data_left} bytes, where {most} are the most")
        return b"".join(self.chunks())

    def _next(self) -> Entry | None:
        extension = _Extension()
        for _ in range(_MOST_HEADERS):
            self._skip()
            header = self._read_header()
            if header is None:
                if extension != _Extension():
                    raise self._wrong("ends after an extended header, where its entry should be")
                return None
            kind = header[_TYPE : _TYPE + 1]
            if kind not in (_EXTENDED, _GLOBAL, _LONG_NAME, _LONG_LINK):
                return self._entry(header, kind, extension)
            self._begin_data(_number(header, _SIZE, self._wrong))
            self._extend(extension, kind, self.read(self._most))
        raise self._wrong(f"{_MOST_HEADERS} extended headers for one entry")

    def _extend(self, extension: _Extension, kind: bytes, data: bytes) -> None:
        """Note what an extended header says. A second one of a kind could be added to the first, or replace it."""
        if kind == _EXTENDED:
            self._require(extension.pax is None, "two extended headers for one entry")
            extension.pax = self._parse_pax(data)
        elif kind == _LONG_NAME:
            self._require(extension.name is None, "two long names for one entry")
            extension.name = data.rstrip(b"\0")
        elif kind == _LONG_LINK:
            self._require(extension.target is None, "two long targets for one entry")
            extension.target = data.rstrip(b"\0")

    def _entry(self, header: bytes, flag: bytes, extension: _Extension) -> Entry:
        pax = extension.pax or {}
        self._require(
            flag != _SPARSE and not any(key.startswith(b"GNU.sparse.") for key in pax), "a sparse file: not read here"
        )
        kind = _KINDS.get(flag)
        if kind is None:
            raise self._wrong(f"an entry of the unknown type {shown(flag.decode('latin-1'))}")
        name = pax.get(b"path") or extension.name or _name(header)
        if kind is Kind.FILE and name.endswith(b"/"):
            kind = Kind.DIRECTORY  # as archives had them before directories had a type
        size = self._number(header, _SIZE, pax.get(b"size"))
        self._require(
            kind is Kind.FILE or size == 0, f"{shown(os.fsdecode(name))} is no file, but has {size} bytes of data"
        )
        self._begin_data(size)
        return Entry(
            name=name,
            kind=kind,
            mode=_number(header, _MODE, self._wrong),
            uid=self._number(header, _UID, pax.get(b"uid")),
            gid=self._number(header, _GID, pax.get(b"gid")),
            size=size,
            mtime=self._time(header, pax.get(b"mtime")),
            target=self._target(header, kind, pax, extension),
            has_capabilities=_CAPABILITY in pax,
            offset=self._position,
        )

    def _target(self, header: bytes, kind: Kind, pax: dict[bytes, bytes], extension: _Extension) -> bytes:
        if kind not in (Kind.SYMLINK, Kind.HARD_LINK):
            return b""
        return pax.get(b"linkpath") or extension.target or _text(header, _LINK)

    def _number(self, header: bytes, field: tuple[int, int], over: bytes | None) -> int:
        """Return a header's number, or what an extended header says instead."""
        if over is None:
            return _number(header, field, self._wrong)
        if not over.isdigit() or len(over) > len(str(_NUMBER_MAX)) or int(over) >= _NUMBER_MAX:
            raise self._wrong(f"{shown(over.decode('latin-1'))} in an extended header is not a number")
        return int(over)

    def _time(self, header: bytes, over: bytes | None) -> int:
        """Return whole seconds, none before 1970."""
        if over is None:
            return _number(header, _MTIME, self._wrong, least=-_NUMBER_MAX)
        seconds = over.lstrip(b"-").partition(b".")[0]
        return 0 if over.startswith(b"-") else self._number(header, _MTIME, seconds)

    def _parse_pax(self, data: bytes) -> dict[bytes, bytes]:
        """Read records of "LENGTH KEY=VALUE" and a line's end, each as long as it says."""
        records, at = dict[bytes, bytes](), 0
        while at < len(data):
            length, blank, _ = data[at : at + 20].partition(b" ")
            end = at + int(length) if blank and length.isdigit() else 0
            key, equals, value = data[at + len(length) + 1 : end - 1].partition(b"=")
            if not (at < end <= len(data) and data[end - 1 : end] == b"\n" and equals and key):
                raise self._wrong("an extended header is malformed")
            self._require(key not in records, f"{shown(key.decode('latin-1'))} twice in an extended header")
            records[key], at = value, end
        for key in (b"path", b"linkpath"):
            self._require(b"\0" not in records.get(key, b""), f"a NUL in the {key.decode()} of an extended header")
        return records

    def _read_header(self) -> bytes | None:
        """Return the next header, None at the end: an empty block, or nothing more."""
        block = self._read_up_to(BLOCK_BYTES)
        if not block or block == _NO_DATA:
            self.has_end = bool(block)
            return None
        self._require(len(block) == BLOCK_BYTES, "ends in the middle of a header")
        begin, end = _CHECKSUM
        around = block[:begin] + b" " * (end - begin) + block[end:]
        said = _number(block, _CHECKSUM, self._wrong)
        # Some old tars added signed bytes.
        fits = said == sum(around) or said == sum(memoryview(around).cast("b"))
        self._require(fits, "a header's checksum is wrong")
        return block

    def _check_end(self) -> None:
        """Read what is left: nothing may follow an archive's end but filling."""
        while chunk := self._stream.read(_SKIPPED_BYTES):
            self._require(chunk.count(0) == len(chunk), "something follows the end of the archive")
            self._position += len(chunk)

    def _begin_data(self, size: int) -> None:
        self._data_left, self._padding = size, -size % BLOCK_BYTES

    def _skip(self) -> None:
        """Go to the next header."""
        left, self._data_left, self._padding = self._data_left + self._padding, 0, 0
        if self._seek is not None and left:
            # The last byte is read, so that an archive that ends early is found.
            self._position += left - 1
            self._seek(self._position)
            left = 1
        while left:
            left -= len(self._read(min(left, _SKIPPED_BYTES)))

    def _read(self, size: int) -> bytes:
        data = self._read_up_to(size)
        self._require(len(data) == size, "ends in the middle of an entry")
        return data

    def _read_up_to(self, size: int) -> bytes:
        data = self._stream.read(size)
        while len(data) < size and (more := self._stream.read(size - len(data))):
            data += more
        self._position += len(data)
        return data

    def _require(self, truth: bool, why: str) -> None:
        if not truth:
            raise self._wrong(why)

    def _wrong(self, why: str) -> InvalidImage:
        return InvalidImage(f"tar archive: before byte {self._position}: {why}")


def _text(header: bytes, field: tuple[int, int]) -> bytes:
    return header[slice(*field)].partition(b"\0")[0]


def _name(header: bytes) -> bytes:
    name = _text(header, _NAME)
    prefix = _text(header, _PREFIX) if header[slice(*_MAGIC)] == _USTAR else b""
    return prefix + b"/" + name if prefix else name


def _number(header: bytes, field: tuple[int, int], wrong: Callable[[str], InvalidImage], *, least: int = 0) -> int:
    """Read octal digits, or GNU's binary numbers. A number below ``least`` is wrong."""
    raw = header[slice(*field)]
    if raw[0] & _BASE_256:
        value = int.from_bytes(bytes([raw[0] & ~_BASE_256]) + raw[1:], "big")
        if raw[0] & _NEGATIVE:
            value -= 1 << (8 * len(raw) - 1)
    else:
        digits = raw.strip(b" \0")
        if digits.strip(b"01234567"):
            raise wrong(f"{shown(raw.decode('latin-1'))} in a header is not a number")
        value = int(digits or b"0", 8)
    if not least <= value < _NUMBER_MAX:
        raise wrong(f"the number {value} in a header is out of range")
    return value
