"""Files into a fresh workspace, and out of one that a program has left.

In: before anything untrusted has run there. Out: after everything in the container is dead, through the descriptor
of the workspace's own mount, link by link refused (openat2), regular files only, by size and number capped.
"""

from __future__ import annotations

import contextlib
import os
import re
import stat
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from sandboxd.linux.files import open_beneath
from sandboxd.model import MIB, File, SkippedFile
from sandboxd.runtime.spec import PROGRAM_GID, PROGRAM_UID, ContainerSpec

MAX_SKIPPED_FILES = 100
MAX_DEPTH = 64
MAX_ENTRIES = 200_000
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY
_DIRECTORY_MODE = 0o755


@dataclass(frozen=True, slots=True)
class Caps:
    """How much may come out of a workspace."""

    total_bytes: int
    files: int


ANSWER_CAPS = Caps(total_bytes=32 * MIB, files=4096)  # with the output below the 64 MiB of a gRPC message


@dataclass(frozen=True, slots=True)
class Collected:
    """What came out of a workspace."""

    files: tuple[File, ...]
    skipped: tuple[SkippedFile, ...]


def put(writable_fd: int, spec: ContainerSpec, files: Iterable[File]) -> None:
    """Write files into the fresh workspace, owned by the program. OSError ENOSPC when they do not fit.

    ``writable_fd`` is the root of the container's writable mount.
    """
    owner = spec.uid_base + PROGRAM_UID, spec.uid_base + PROGRAM_GID
    root = os.open("workspace", _DIRECTORY | os.O_CLOEXEC, dir_fd=writable_fd)
    try:
        for file in files:
            parent, _, name = file.path.rpartition("/")
            with _directory(root, parent, owner) as directory:
                _write(directory, name, file, owner)
    finally:
        os.close(root)


def is_full(writable_fd: int) -> bool:
    """Return whether the writable mount has no block or no inode left."""
    status = os.statvfs(writable_fd)
    return status.f_bavail == 0 or status.f_favail == 0


def collect(writable_fd: int, globs: Sequence[str], caps: Caps) -> Collected:
    """Read the regular files that match a glob, in the order of their paths. What matches and is left out is told."""
    wanted = [re.compile(_translate(glob), re.DOTALL) for glob in globs]
    files: list[File] = []
    skipped: list[SkippedFile] = []
    left = caps.total_bytes
    root = os.open("workspace", _DIRECTORY | os.O_CLOEXEC, dir_fd=writable_fd)
    try:
        for directory, name, path, kind in _walk(root, "", 0, [MAX_ENTRIES]):
            if not any(pattern.fullmatch(path) for pattern in wanted):
                continue
            too_many = f"more than {caps.files} files" if len(files) == caps.files else ""
            result = kind or too_many or _read(directory, name, path, left)
            if isinstance(result, File):
                files.append(result)
                left -= len(result.content)
            elif len(skipped) < MAX_SKIPPED_FILES:
                skipped.append(SkippedFile(path=os.fsencode(path).decode(errors="replace"), reason=result))
    finally:
        os.close(root)
    return Collected(tuple(sorted(files, key=lambda file: file.path)), tuple(skipped))


def _walk(directory: int, prefix: str, depth: int, budget: list[int]) -> Iterator[tuple[int, str, str, str]]:
    """Yield (directory, name, path, reason to skip) of all that is no directory; those that are too deep as one."""
    with os.scandir(directory) as entries:
        names = sorted(entry.name for entry in entries)
    for name in names:
        path = f"{prefix}{name}"
        budget[0] -= 1
        if budget[0] < 0:
            yield directory, name, path, f"more than {MAX_ENTRIES} files"
            return
        mode = os.stat(name, dir_fd=directory, follow_symlinks=False).st_mode
        if not stat.S_ISDIR(mode):
            yield directory, name, path, "" if stat.S_ISREG(mode) else "not a regular file"
        elif depth == MAX_DEPTH:
            yield directory, name, path, f"deeper than {MAX_DEPTH} directories"
        else:
            child = open_beneath(directory, name, _DIRECTORY)
            try:
                yield from _walk(child, f"{path}/", depth + 1, budget)
            finally:
                os.close(child)


def _read(directory: int, name: str, path: str, most: int) -> File | str:
    """Read one file of at most ``most`` bytes, or return why not."""
    try:
        path.encode()
    except UnicodeEncodeError:
        return "its name is not UTF-8"
    # O_NONBLOCK: opening a fifo that took the place of the file must not wait.
    with os.fdopen(open_beneath(directory, name, os.O_RDONLY | os.O_NONBLOCK), "rb") as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            return "not a regular file"
        if status.st_size > most:
            return f"its {status.st_size} bytes are more than the {most} that may still be returned"
        return File(path=path, content=file.read(most), mode=stat.S_IMODE(status.st_mode) & 0o777)


@contextlib.contextmanager
def _directory(root: int, path: str, owner: tuple[int, int]) -> Iterator[int]:
    """Open a directory below ``root``, made with its parents where it is missing."""
    current = os.dup(root)
    try:
        for name in path.split("/") if path else ():
            try:
                os.mkdir(name, dir_fd=current)
                os.chmod(name, _DIRECTORY_MODE, dir_fd=current)  # whatever the umask
                os.chown(name, *owner, dir_fd=current, follow_symlinks=False)
            except FileExistsError:
                pass
            below = open_beneath(current, name, _DIRECTORY)
            os.close(current)
            current = below
        yield current
    finally:
        os.close(current)


def _write(directory: int, name: str, file: File, owner: tuple[int, int]) -> None:
    fd = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600, dir_fd=directory)
    try:
        view = memoryview(file.content)
        while view:
            view = view[os.write(fd, view) :]
        os.fchown(fd, *owner)
        os.fchmod(fd, file.mode or 0o644)
    finally:
        os.close(fd)


def _translate(glob: str) -> str:
    """Turn a glob into a regular expression: * and ? stay within a name, ** crosses names, [...] is a set."""
    out, position = [], 0
    token = re.compile(r"\*\*/|\*\*|\*|\?|\[!?\]?[^\]/]*\]|.", re.DOTALL)
    while position < len(glob):
        match = token.match(glob, position)
        assert match is not None
        text, position = match.group(), match.end()
        match text:
            case "**/":
                out.append(r"(?:[^/]+/)*")
            case "**":
                out.append(r".*")
            case "*":
                out.append(r"[^/]*")
            case "?":
                out.append(r"[^/]")
            case _ if len(text) > 1:
                body = text[1:-1]
                negated, body = body.startswith("!"), body.removeprefix("!")
                escaped = re.escape(body).replace(r"\-", "-")
                out.append(f"(?![/])[{'^' if negated else ''}{escaped}]")
            case _:
                out.append(re.escape(text))
    return "".join(out)
