"""Editing a root file system from outside. A symbolic link in it never leads an edit out of it."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePath

from sandboxd.errors import SandboxError
from sandboxd.linux.files import open_beneath


class Tree:
    """A root file system in a directory. All paths are relative to it."""

    def __init__(self, root: Path) -> None:
        self.root = root.resolve(strict=True)

    def remove(self, pattern: str) -> None:
        """Remove what matches a pattern; nothing is fine."""
        for path in list(self.root.glob(pattern)):
            self._check_inside(path)
            remove(path)

    def empty(self, directory: str, *, keep: Sequence[str] = ()) -> None:
        """Make it an empty directory, whatever it was, but for what is below it and kept."""
        path = self._place(directory)
        if any(directory in map(str, PurePath(kept).parents) for kept in keep):
            self._remove_others(path, [self.root / kept for kept in keep])
            return
        remove(path)
        path.mkdir()
        path.chmod(0o755)  # whatever the umask is

    def make_directory(self, directory: str, mode: int = 0o755, owner: int = 0) -> None:
        """Make a directory if it is not there, and give it mode and owner (the same number for user and group)."""
        path = self._place(directory)
        if not is_directory(path):
            remove(path)
            path.mkdir()
        path.chmod(mode)
        os.chown(path, owner, owner)

    def read(self, file: str, most_bytes: int = 1 << 20) -> str | None:
        """Return the text of a file; None where there is none, or a large one, or a link is in the way."""
        root = os.open(self.root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            descriptor = open_beneath(root, file, os.O_RDONLY | os.O_NONBLOCK)
        except OSError:
            return None
        finally:
            os.close(root)
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_size > most_bytes:
            os.close(descriptor)
            return None
        with open(descriptor, "rb") as opened:
            return opened.read().decode("utf-8", "surrogateescape")

    def write(self, file: str, text: str) -> None:
        """Put a file there instead of what was there."""
        path = self._place(file)
        remove(path)
        path.write_text(text, "utf-8", "surrogateescape")
        path.chmod(0o644)

    def link(self, path: str, target: str) -> None:
        """Put a symbolic link there instead of what was there."""
        place = self._place(path)
        remove(place)
        place.symlink_to(target)

    def set_time(self, path: str) -> None:
        """Have what is there be of 1970, whenever it was made."""
        os.utime(self.root / path, (0, 0), follow_symlinks=False)

    def set_times(self) -> None:
        """Have the root, all directories and whiteouts be of 1970."""
        self.set_time(".")
        for path, status in self.walk():
            if stat.S_ISDIR(status.st_mode) or stat.S_ISCHR(status.st_mode):
                self.set_time(path)

    def walk(self) -> Iterator[tuple[str, os.stat_result]]:
        """All paths below the root with their own status, in one fixed order."""
        for directory, subdirectories, files in os.walk(self.root):
            subdirectories.sort()
            for name in sorted([*subdirectories, *files]):
                path = os.path.join(directory, name)
                yield path, os.lstat(path)

    def strip_privileges(self) -> None:
        """Take off every bit and attribute with which a file gives privileges, and every special file."""
        for path, status in self.walk():
            if stat.S_ISLNK(status.st_mode):
                continue
            if not (stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode)):
                os.unlink(path)
                continue
            if status.st_mode & (stat.S_ISUID | stat.S_ISGID):
                os.chmod(path, stat.S_IMODE(status.st_mode) & ~(stat.S_ISUID | stat.S_ISGID))
            for attribute in os.listxattr(path, follow_symlinks=False):
                os.removexattr(path, attribute, follow_symlinks=False)

    def _remove_others(self, directory: Path, kept: Sequence[Path]) -> None:
        """Remove what is in a directory but for paths that are kept, and the way to them."""
        if not is_directory(directory):
            raise SandboxError(f"{directory} is not a directory, so nothing in it can be kept")
        for path in directory.iterdir():
            if any(path in place.parents for place in kept):
                self._remove_others(path, kept)
            elif path not in kept:
                remove(path)

    def _place(self, path: str) -> Path:
        """Return where the path is, with its parents made."""
        place = self.root / path
        self._check_inside(place)
        place.parent.mkdir(parents=True, exist_ok=True)
        return place

    def _check_inside(self, path: Path) -> None:
        try:
            parent = path.parent.resolve()
        except RuntimeError:  # before Python 3.13; since then, making what is above it fails
            raise SandboxError(f"{path} leads in a circle") from None
        if ".." in path.parts or not (parent == self.root or self.root in parent.parents):
            raise SandboxError(f"{path} leads out of {self.root}")


def is_directory(path: Path) -> bool:
    """Whether a path is a directory, and no link to one."""
    return path.is_dir() and not path.is_symlink()


def remove(path: Path) -> None:
    """Remove what is at a path, with all below it, but never what a link leads to; nothing is fine."""
    if is_directory(path):
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
