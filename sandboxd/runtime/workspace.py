"""Files out of a workspace that a program has left.

After everything in the container is dead, through the descriptor of the workspace's own mount, link by link refused
(openat2), regular files only, by size and number capped. Where the image has files there, too, only what the program or
the request made or changed.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sandboxd.linux.files import open_beneath
from sandboxd.model import MIB, File, SkippedFile
from sandboxd.paths import MAX_DEPTH
from sandboxd.runtime.glob import Glob, Places, steps

TOO_LARGE = "larger than what may still be returned"
TOO_MANY = "more files than may be returned"
MAX_SKIPPED_FILES = 100
# Names that are looked at, times the places of globs that each is held against, by their lengths: a second of work.
MAX_STEPS = 2_000_000
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY


@dataclass(frozen=True, slots=True)
class Caps:
    """How much may come out of a workspace."""

    total_bytes: int
    """Of contents and paths."""
    files: int


ANSWER_CAPS = Caps(total_bytes=32 * MIB, files=4096)  # with the output below the 64 MiB of a gRPC message


@dataclass(frozen=True, slots=True)
class Collected:
    """What came out of a workspace."""

    files: tuple[File, ...]
    skipped: tuple[SkippedFile, ...]
    too_large: bool
    """Whether something was left out for its size, or because there was too much."""


def fullness(writable_fd: int) -> str:
    """Return what the writable mount has none left of: ``bytes`` or ``inodes``; nothing where it has some of both."""
    status = os.statvfs(writable_fd)
    return "bytes" if status.f_bavail == 0 else "inodes" if status.f_favail == 0 else ""


def takes_a_while_to_free(writable_fd: int) -> bool:
    """Return whether the writable mount holds so much that letting go of it takes more than a millisecond."""
    status = os.statvfs(writable_fd)
    used_bytes = (status.f_blocks - status.f_bfree) * status.f_frsize
    return used_bytes > 4 * MIB or status.f_files - status.f_ffree > 256  # noqa: PLR2004


def has_file_of(writable_fd: int, size: int) -> bool:
    """Return whether a file stands at exactly this size, in any writable place: its limit, if a write beyond failed.

    Looks at no more names than a collection does.
    """
    status = os.statvfs(writable_fd)
    if (status.f_blocks - status.f_bfree) * status.f_frsize < size:
        return False
    walk = _Walk([Glob("**")])
    for place in ("workspace", "tmp", "shm", "upper"):
        root = os.open(place, _DIRECTORY | os.O_CLOEXEC, dir_fd=writable_fd)
        try:
            for found in walk.below(root):
                if (
                    not found.reason
                    and os.stat(found.name, dir_fd=found.directory, follow_symlinks=False).st_size == size
                ):
                    return True
        finally:
            os.close(root)
    return False


def collect(writable_fd: int, globs: Sequence[str], caps: Caps) -> Collected:
    """Read the regular files that match a glob, in the order of their paths. What matches and is left out is told."""
    files: list[File] = []
    skipped: list[SkippedFile] = []
    too_large = False
    left = caps.total_bytes
    root = os.open("workspace", _DIRECTORY | os.O_CLOEXEC, dir_fd=writable_fd)
    try:
        for found in _Walk([Glob(glob) for glob in globs]).below(root):
            result = found.reason or _read(found, left, room=len(files) < caps.files)
            if isinstance(result, File):
                files.append(result)
                left -= _size(result)
                continue
            too_large = too_large or result is TOO_LARGE or result is TOO_MANY
            if len(skipped) < MAX_SKIPPED_FILES:
                skipped.append(SkippedFile(path=os.fsencode(found.path).decode(errors="replace"), reason=result))
    finally:
        os.close(root)
    return Collected(tuple(sorted(files, key=lambda file: file.path)), tuple(skipped), too_large)


@dataclass(frozen=True, slots=True)
class _Found:
    """What matches and is no directory."""

    directory: int
    name: str
    path: str
    reason: str = ""
    """Why it cannot be read; empty where it can."""


class _Walk:
    """A walk through a tree, along the paths that some glob may still match."""

    def __init__(self, globs: Sequence[Glob]) -> None:
        self._globs = globs
        self._left = MAX_STEPS
        self._ended = False

    def below(self, root: int) -> Iterator[_Found]:
        """Yield what matches, directory by directory, each in the order of its names."""
        yield from self._below(root, "", [(glob, glob.start) for glob in self._globs], 0)

    def _below(self, directory: int, prefix: str, globs: Sequence[tuple[Glob, Places]], depth: int) -> Iterator[_Found]:
        with os.scandir(directory) as entries:
            names = sorted(entry.name for entry in entries)
        looks, length = self._prepare(globs)
        for name in names:
            if self._ended:
                return
            self._left -= steps(looks, length, name)
            if self._left < 0:
                self._ended = True
                yield _Found(directory, name, f"{prefix}{name}", TOO_MANY)
                return
            entered = [(glob, glob.enter(places, name)) for glob, places in globs]
            if not any(places for _, places in entered):
                continue
            mode = os.stat(name, dir_fd=directory, follow_symlinks=False).st_mode
            if stat.S_ISCHR(
                mode
            ):  # overlayfs's, for what the program has removed of its image: no other can be made there
                continue
            if stat.S_ISDIR(mode):
                going_on = [(glob, places) for glob, places in entered if glob.goes_on(places)]
                yield from self._into(directory, name, prefix, going_on, depth)
            elif any(glob.matches(places) for glob, places in entered):
                yield _Found(directory, name, f"{prefix}{name}", "" if stat.S_ISREG(mode) else "not a regular file")

    def _prepare(self, globs: Sequence[tuple[Glob, Places]]) -> tuple[int, int]:
        """Return in how many places a name of a directory is looked at, and against how many characters."""
        for glob, places in globs:
            if self._left >= 0:
                self._left -= glob.compile(places)
        return sum(len(places) for _, places in globs), sum(glob.length(places) for glob, places in globs)

    def _into(
        self, directory: int, name: str, prefix: str, globs: Sequence[tuple[Glob, Places]], depth: int
    ) -> Iterator[_Found]:
        if not globs:
            return
        if depth == MAX_DEPTH:
            yield _Found(directory, name, f"{prefix}{name}", f"deeper than {MAX_DEPTH} directories")
            return
        child = open_beneath(directory, name, _DIRECTORY)
        try:
            yield from self._below(child, f"{prefix}{name}/", globs, depth + 1)
        finally:
            os.close(child)


def _read(found: _Found, most: int, *, room: bool) -> File | str:
    """Read one file that takes at most so many bytes of an answer, or return why not."""
    try:
        path_bytes = len(found.path.encode())
    except UnicodeEncodeError:
        return "its name is not UTF-8"
    if not room:
        return TOO_MANY
    # O_NONBLOCK: opening a fifo that took the place of the file must not wait.
    with os.fdopen(open_beneath(found.directory, found.name, os.O_RDONLY | os.O_NONBLOCK), "rb") as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            return "not a regular file"
        if status.st_size + path_bytes > most:
            return TOO_LARGE
        return File(path=found.path, content=file.read(most), mode=stat.S_IMODE(status.st_mode) & 0o777)


def _size(file: File) -> int:
    return len(file.content) + len(file.path.encode())
