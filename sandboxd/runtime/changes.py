"""What a container's workspace has that its image's has not: told, or copied, while programs may still change it.

Through the descriptor of the workspace's own mount, link by link refused (openat2). Of special files nothing is opened. Where the image
has files there, too, the kernel keeps what was changed in the form of overlayfs: a device of number 0 for what was removed, and an
attribute on a directory that hides the image's.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from sandboxd.errors import BuildFailed, shown
from sandboxd.linux import overlay
from sandboxd.linux.files import NEW_FILE, open_beneath
from sandboxd.paths import MAX_DEPTH
from sandboxd.runtime import layout
from sandboxd.runtime.spec import PROGRAM_GID, PROGRAM_UID

MAX_PATH_BYTES = 2000
"""With ``workspace/`` before it, what may be read again where an image is imported."""
MAX_NAME_BYTES = 254
"""mkfs.erofs 1.5 makes no image of a tree with a name of 255."""
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY
_WHITEOUT_NAME = ".wh."  # a layer of OCI says so that something is removed
# What is said of a name where somebody removes or replaces what was there a moment ago.
_GONE = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENXIO, errno.EINVAL)
_LAST_TIME_NS = (2**32 - 1) * 10**9  # February 2106, the last that an image can have


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much of a workspace is looked at or copied; more is refused."""

    entries: int
    """Files, directories and links. Who goes on making some while they are looked at has no more."""
    total_bytes: int
    """Of contents, with the holes of sparse files."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One path in a workspace that the program or the request made, changed or removed."""

    path: str
    """Relative to the workspace; what is not UTF-8 is surrogate-escaped."""
    mode: int
    """Its kind and permissions, as stat(2) has them."""
    size_bytes: int
    removed: bool = False
    """Whether there was one in the image, and is none now."""
    hides: bool = False
    """Of a directory: whether nothing of the image's below it is seen."""


@dataclass(frozen=True, slots=True)
class Copied:
    """What came of a copy."""

    hiding: tuple[str, ...]
    """Directories that hide what the image has below them."""
    left_out: Mapping[str, int]
    """How many are not there as they were, by reason."""


@dataclass(frozen=True, slots=True)
class _Found:
    directory: int
    name: str
    path: str
    status: os.stat_result


class HeldWorkspace:
    """The workspace of a container, which stays to be read when the container ends. Close it, or use ``with``."""

    def __init__(self, writable_fd: int) -> None:
        self._writable = os.dup(writable_fd)

    def list(self, bounds: Bounds) -> list[Entry]:
        """Return what is there, a directory before what is in it. BuildFailed where that is too much, or too deep."""
        overlaid = self.over_files
        with self._open() as root:
            return [_entry(found, overlaid=overlaid) for found in _Walk(bounds.entries).below(root)]

    def copy(self, target: Path, bounds: Bounds) -> Copied:
        """Copy it into an empty directory: regular files, directories and links, owned by whom programs run as in any container.

        What was removed of the image is put there as overlayfs has it. Of other files, and of privileges, there is only a number. A
        file is taken as it is when it is its turn. BuildFailed where it is too much, too deep, or cannot be read.
        """
        copy = _Copy(target, bounds.total_bytes, overlaid=self.over_files)
        with self._open() as root:
            for found in _Walk(bounds.entries).below(root):
                copy.take(found)
        return Copied(tuple(copy.hiding), dict(copy.left_out))

    @property
    def over_files(self) -> bool:
        """Whether the image has files there, too."""
        try:
            os.stat(layout.WORKSPACE_WORK, dir_fd=self._writable, follow_symlinks=False)
        except FileNotFoundError:
            return False
        return True

    @contextlib.contextmanager
    def _open(self) -> Iterator[int]:
        root = os.open("workspace", _DIRECTORY | os.O_CLOEXEC, dir_fd=self._writable)
        try:
            yield root
        finally:
            os.close(root)

    def close(self) -> None:
        """Let go of it. It may be the last that does, and then takes as long as there is memory to be freed."""
        fd, self._writable = self._writable, -1
        if fd >= 0:
            os.close(fd)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


class _Walk:
    """A walk through all of a tree that may change meanwhile."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._left = most

    def below(self, directory: int, prefix: str = "", depth: int = 0) -> Iterator[_Found]:
        """Yield what is there, a directory before what is in it, in the order of names."""
        if depth == MAX_DEPTH:
            raise BuildFailed(f"the workspace is deeper than {MAX_DEPTH} directories, at {shown(prefix)}")
        with os.scandir(directory) as entries:
            names = sorted(entry.name for entry in entries)
        for name in names:
            path = f"{prefix}{name}"
            if len(os.fsencode(path)) > MAX_PATH_BYTES:
                raise BuildFailed(f"the workspace has paths longer than {MAX_PATH_BYTES} bytes, such as {shown(path)}")
            try:
                status = os.stat(name, dir_fd=directory, follow_symlinks=False)
            except FileNotFoundError:
                continue
            if self._left == 0:
                raise BuildFailed(f"the workspace has more than {self._most} files, directories and links")
            self._left -= 1
            yield _Found(directory, name, path, status)
            if stat.S_ISDIR(status.st_mode):
                yield from self._into(directory, name, path, depth)

    def _into(self, directory: int, name: str, path: str, depth: int) -> Iterator[_Found]:
        child = _opened(directory, name, path, _DIRECTORY)
        if child is None:
            return
        try:
            yield from self.below(child, f"{path}/", depth + 1)
        finally:
            os.close(child)


class _Copy:
    """One that is under way."""

    def __init__(self, target: Path, most_bytes: int, *, overlaid: bool) -> None:
        self._target = os.fspath(target)
        self._most = most_bytes
        self._left = most_bytes
        self._overlaid = overlaid
        self.hiding: list[str] = []
        self.left_out: Counter[str] = Counter()
        self._skipped = "/"  # no path begins so

    def take(self, found: _Found) -> None:
        """Copy one."""
        mode, place = found.status.st_mode, f"{self._target}/{found.path}"
        if len(os.fsencode(found.name)) > MAX_NAME_BYTES:
            raise BuildFailed(f"the workspace has a name longer than {MAX_NAME_BYTES} bytes: {shown(found.name)}")
        if self._overlaid and overlay.is_whiteout(found.status):  # a program cannot make one: overlayfs forbids it
            overlay.put_whiteout(place)
        elif found.name.startswith(_WHITEOUT_NAME) or found.path.startswith(self._skipped):
            self.left_out["names"] += 1
            if not found.path.startswith(self._skipped):
                self._skipped = f"{found.path}/"
        elif stat.S_ISDIR(mode):
            self._directory(found, place)
        elif stat.S_ISLNK(mode):
            self._link(found, place)
        elif stat.S_ISREG(mode):
            self._file(found, place)
        else:
            self.left_out["special_files"] += 1

    def _directory(self, found: _Found, place: str) -> None:
        os.mkdir(place)
        os.chmod(place, found.status.st_mode & 0o777)
        os.chown(place, PROGRAM_UID, PROGRAM_GID)
        if self._overlaid and _hides(found):
            self.hiding.append(found.path)

    def _link(self, found: _Found, place: str) -> None:
        try:
            target = os.readlink(found.name, dir_fd=found.directory)
        except OSError as error:
            if error.errno not in _GONE:
                raise
            return
        os.symlink(target, place)
        os.chown(place, PROGRAM_UID, PROGRAM_GID, follow_symlinks=False)

    def _file(self, found: _Found, place: str) -> None:
        # O_NONBLOCK: opening a fifo that took the place of the file must not wait.
        source = _opened(found.directory, found.name, found.path, os.O_RDONLY | os.O_NONBLOCK)
        if source is None:
            return
        try:
            status = os.fstat(source)
            if not stat.S_ISREG(status.st_mode):
                self.left_out["special_files"] += 1
                return
            if status.st_size > self._left:
                raise BuildFailed(
                    f"the workspace has more than {self._most} bytes, with the holes of sparse files, at {shown(found.path)}"
                )
            self._left -= status.st_size
            if status.st_mode & (stat.S_ISUID | stat.S_ISGID):
                self.left_out["privileges"] += 1
            _write(place, source, status)
        finally:
            os.close(source)


def _write(place: str, source: int, status: os.stat_result) -> None:
    """Copy an open file, no more than it had when it was opened."""
    fd = os.open(place, NEW_FILE, 0o600)
    try:
        offset = 0
        while offset < status.st_size and (sent := os.sendfile(fd, source, offset, status.st_size - offset)):
            offset += sent
        os.fchown(fd, PROGRAM_UID, PROGRAM_GID)
        os.fchmod(fd, status.st_mode & 0o777)
        time_ns = min(max(status.st_mtime_ns, 0), _LAST_TIME_NS)
        os.utime(fd, ns=(time_ns, time_ns))
    finally:
        os.close(fd)


def _entry(found: _Found, *, overlaid: bool) -> Entry:
    status = found.status
    return Entry(
        path=found.path,
        mode=status.st_mode,
        size_bytes=status.st_size if stat.S_ISREG(status.st_mode) else 0,
        removed=overlaid and overlay.is_whiteout(status),
        hides=overlaid and stat.S_ISDIR(status.st_mode) and _hides(found),
    )


def _hides(found: _Found) -> bool:
    """Whether a directory hides the image's. The attribute is out of a program's reach, too."""
    directory = _opened(found.directory, found.name, found.path, _DIRECTORY)
    if directory is None:
        return False
    try:
        return os.getxattr(directory, overlay.OPAQUE) == b"y"
    except OSError as error:
        if error.errno in (errno.ENODATA, errno.EOPNOTSUPP):
            return False
        raise
    finally:
        os.close(directory)


def _opened(directory: int, name: str, path: str, flags: int) -> int | None:
    """Open what is there; None where it was removed or replaced just now. BuildFailed where a program keeps it from being read."""
    try:
        return open_beneath(directory, name, flags)
    except OSError as error:
        if error.errno in _GONE:
            return None
        if error.errno in (errno.EAGAIN, errno.EACCES):  # a lease of fcntl(2), a reader without privileges
            raise BuildFailed(f"{shown(path)} in the workspace cannot be read: {error.strerror}") from error
        raise
