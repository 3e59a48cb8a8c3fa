"""Layers as streams: decompressed, counted and hashed on the way."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import BinaryIO, Protocol, cast

import zstandard

from sandboxd.errors import InvalidImage

GZIP, ZSTD, PLAIN = "gzip", "zstd", ""
MAGIC_BYTES = 4
_MAGICS = {b"\x1f\x8b": GZIP, b"\x28\xb5\x2f\xfd": ZSTD}
_CHUNK_BYTES = 1 << 17
_INPUT_BYTES = 1 << 14  # what is not used of it is copied each time
_GZIP = 31  # zlib's way of asking for gzip's header and checksum, too
# Memory that a frame may ask for: what `zstd --long` writes. The format allows terabytes.
_WINDOW_BYTES = 1 << 27


class _Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


class HashingReader:
    """Passes on what is read, with its length and its hash."""

    def __init__(self, source: _Readable, on_bytes: Callable[[int], None] = lambda _count: None) -> None:
        """``on_bytes`` is told how many came, and may raise."""
        self._source, self._on_bytes = source, on_bytes
        self._hash = hashlib.sha256()

    def read(self, size: int = _CHUNK_BYTES, /) -> bytes:
        """Return at most so many bytes, none at the end. InvalidImage where the compressed data are damaged."""
        try:
            data = self._source.read(size)
        except (EOFError, zlib.error, zstandard.ZstdError) as error:
            raise InvalidImage(f"damaged compressed data: {error}") from error
        self._hash.update(data)
        self._on_bytes(len(data))
        return data

    def drain(self) -> None:
        """Read to the end."""
        while self.read():
            pass

    @property
    def digest(self) -> str:
        """Of what was read so far."""
        return f"sha256:{self._hash.hexdigest()}"


class _Gunzip:
    """Decompresses gzip, whose members may be many. Python's own reads a header byte by byte, and a hostile one has gigabytes."""

    def __init__(self, source: _Readable) -> None:
        self._source = source
        self._member: zlib._Decompress | None = None
        self._input = b""

    def read(self, size: int, /) -> bytes:
        """Return at most so many bytes, none at the end. EOFError where it ends in the middle of a member."""
        while True:
            self._input = self._input or self._source.read(_INPUT_BYTES)
            if not self._input:
                if self._member is not None:
                    raise EOFError("it ends in the middle")
                return b""
            if self._member is None:
                self._input = self._input.lstrip(b"\0")  # filling, as tapes have it
                if not self._input:
                    continue
                self._member = zlib.decompressobj(_GZIP)
            data = self._member.decompress(self._input, size)
            if self._member.eof:
                self._input, self._member = self._member.unused_data, None
            else:
                self._input = self._member.unconsumed_tail
            if data:
                return data


def compression_of(beginning: bytes) -> str:
    """Tell the compression of a file by its first four bytes."""
    return next((name for magic, name in _MAGICS.items() if beginning.startswith(magic)), PLAIN)


@contextmanager
def decompressed(source: _Readable, compression: str) -> Iterator[_Readable]:
    """Read what was compressed; several members or frames, one after another, are one."""
    if compression == GZIP:
        yield _Gunzip(source)
    elif compression == ZSTD:
        decompressor = zstandard.ZstdDecompressor(max_window_size=_WINDOW_BYTES)
        with decompressor.stream_reader(
            cast("BinaryIO", source), read_size=_CHUNK_BYTES, read_across_frames=True, closefd=False
        ) as reader:
            yield reader
    else:
        yield source
