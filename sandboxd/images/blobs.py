"""The content store: what images are made of, each blob once, named by its digest. Knows nothing of what is in them.

- <store>/.blobs/sha256/<hex>: a blob, verified and never changed again
- <store>/.blobs/sha256/<hex>.partial: one that is being written, or whose writing broke off
- <store>/.blobs/lock: held, shared, by who needs that nothing is pruned

A blob appears in one rename, after its content is on the disk: whoever is killed leaves at most a partial one.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from sandboxd.errors import InvalidImage

_DIGEST = re.compile(r"sha256:(?P<hex>[0-9a-f]{64})")
_PARTIAL = ".partial"
_CHUNK_BYTES = 1 << 20


def digest_of(data: bytes) -> str:
    """Return "sha256:<hex>" of these bytes."""
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def is_digest(text: str) -> bool:
    """Whether this is "sha256:" and 64 hexadecimal digits, in small letters. No other algorithm is spoken here."""
    return _DIGEST.fullmatch(text) is not None


class Writer:
    """One blob while it is written; :meth:`Blobs.open_writer` makes it."""

    def __init__(self, digest: str, size: int, file: BinaryIO | None) -> None:
        """``file`` is None where the blob is there already."""
        self._digest, self._size, self._file = digest, size, file
        self._hash = hashlib.sha256()
        self.offset = size if file is None else self._take_up(file)
        """How many bytes are there: what is written next goes behind them. The size, where the blob is there already."""

    def write(self, data: bytes | memoryview) -> None:
        """Append. InvalidImage where that makes more than the blob's size: nothing of ``data`` is written then."""
        if self.offset + len(data) > self._size:
            raise InvalidImage(f"blob {self._digest}: more than its {self._size} bytes came")
        if self._file is not None and data:
            self._file.write(data)
            self._hash.update(data)
            self.offset += len(data)

    def restart(self) -> None:
        """Forget what an earlier try has left, for a source that cannot begin in the middle."""
        if self._file is not None:
            self._file.seek(0)
            self._file.truncate()
            self._hash, self.offset = hashlib.sha256(), 0

    def matches(self) -> bool:
        """Whether what is there has the digest."""
        return self._file is None or f"sha256:{self._hash.hexdigest()}" == self._digest

    def _take_up(self, file: BinaryIO) -> int:
        """Hash what an earlier try has left, and stand behind it."""
        if os.fstat(file.fileno()).st_size > self._size:
            file.truncate(0)
        while chunk := file.read(_CHUNK_BYTES):
            self._hash.update(chunk)
        return file.tell()


class Blobs:
    """The blobs of a store. Safe to use from any number of processes and threads; a method may wait for another writer."""

    def __init__(self, store: Path) -> None:
        self.place = store / ".blobs"
        """Where they are, and what is noted of them."""
        self._directory = self.place / "sha256"

    def path(self, digest: str) -> Path:
        """Return where a blob is, or would be. InvalidImage unless the digest is one."""
        found = _DIGEST.fullmatch(digest)
        if found is None:
            raise InvalidImage(f"not a digest: {digest[:80]!r} (sha256: and 64 hexadecimal digits are)")
        return self._directory / found["hex"]

    def has(self, digest: str) -> bool:
        """Whether the whole blob is there."""
        return self.path(digest).is_file()

    def read(self, digest: str, most_bytes: int) -> bytes:
        """Return a small blob. InvalidImage if it is not there, larger than that, or not what its digest says."""
        with self.open(digest) as file:
            data = file.read(most_bytes + 1)
        if len(data) > most_bytes:
            raise InvalidImage(f"blob {digest}: larger than {most_bytes} bytes")
        if digest_of(data) != digest:
            raise InvalidImage(f"blob {digest}: damaged on the disk: its content is {digest_of(data)}")
        return data

    def open(self, digest: str) -> BinaryIO:
        """Open a blob for reading; who reads it verifies it. InvalidImage if it is not there."""
        try:
            return self.path(digest).open("rb")
        except FileNotFoundError:
            raise InvalidImage(f"blob {digest}: not in the store") from None

    def size(self, digest: str) -> int:
        """Return how many bytes a blob has. InvalidImage if it is not there."""
        try:
            return self.path(digest).stat().st_size
        except FileNotFoundError:
            raise InvalidImage(f"blob {digest}: not in the store") from None

    def add(self, data: bytes) -> str:
        """Put these bytes into the store and return their digest."""
        digest = digest_of(data)
        with self.open_writer(digest, len(data)) as writer:
            if writer.offset < len(data):
                writer.restart()
                writer.write(data)
        return digest

    @contextmanager
    def open_writer(self, digest: str, size: int) -> Iterator[Writer]:
        """Write the blob that has this digest and this many bytes; another writer of it is waited for.

        What is written goes behind ``offset``. At the block's end the blob is verified and appears: InvalidImage if it is
        short, which leaves it to be continued, or has another digest, which throws it away. An exception in the block leaves
        what was written to be continued.
        """
        place = self.path(digest)
        with self.keeping(), _lock_partial(place) as file:
            if place.is_file():
                place.with_suffix(_PARTIAL).unlink()
                yield Writer(digest, size, None)
                return
            writer = Writer(digest, size, file)
            yield writer
            if writer.offset < size:
                raise InvalidImage(f"blob {digest}: ends after {writer.offset} of {size} bytes")
            if not writer.matches():
                place.with_suffix(_PARTIAL).unlink()
                raise InvalidImage(f"blob {digest}: what came has another digest")
            _publish(file, place)

    @contextmanager
    def keeping(self) -> Iterator[None]:
        """Have nothing pruned for the time of the block: between writing blobs and installing the image that uses them."""
        with self._locked(fcntl.LOCK_SH):
            yield

    def prune(self, find_used: Callable[[], Collection[str]]) -> int:
        """Remove what nothing uses and what broke off; returns how many bytes that were.

        Waits for all who keep blobs, and asks only then which ones are used: an answer from before would not know theirs. So
        the caller must hold nothing that they may be waiting for.
        """
        with self._locked(fcntl.LOCK_EX):
            used = {self.path(digest).name for digest in find_used()}
            freed = 0
            for path in self._directory.iterdir():
                if path.name not in used:
                    freed += path.stat().st_size
                    path.unlink()
            return freed

    @contextmanager
    def _locked(self, how: int) -> Iterator[None]:
        self._directory.mkdir(mode=0o755, parents=True, exist_ok=True)
        with (self._directory.parent / "lock").open("ab") as lock:
            fcntl.flock(lock, how)
            yield


@contextmanager
def _lock_partial(place: Path) -> Iterator[BinaryIO]:
    """Open the partial file of a blob, alone. Who had it before may have renamed or removed it: then it is another file."""
    partial = place.with_suffix(_PARTIAL)
    while True:
        with os.fdopen(os.open(partial, os.O_RDWR | os.O_CREAT, 0o600), "r+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            try:
                same = os.path.samestat(os.fstat(file.fileno()), partial.stat())
            except FileNotFoundError:
                same = False
            if same:
                yield file
                return


def _publish(file: BinaryIO, place: Path) -> None:
    """Give a verified blob its name, with its content on the disk before."""
    file.flush()
    os.fchmod(file.fileno(), 0o444)
    os.fsync(file.fileno())
    place.with_suffix(_PARTIAL).rename(place)
    directory = os.open(place.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
