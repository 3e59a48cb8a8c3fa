"""Editing a root file system from outside. A symbolic link in it never leads an edit out of it."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

from sandboxd.errors import SandboxError


class Tree:
    """A root file system in a directory. All paths are relative to it."""

    def __init__(self, root: Path) -> None:
        self.root = root.resolve(strict=True)

    def remove(self, pattern: str) -> None:
        """Remove what matches a pattern; nothing is fine."""
        for path in list(self.root.glob(pattern)):
            self._check_inside(path)
            _remove(path)

    def empty(self, directory: str) -> None:
        """Make it an empty directory, whatever it was."""
        path = self._place(directory)
        _remove(path)
        path.mkdir(0o755)

    def make_directory(self, directory: str, mode: int = 0o755, owner: int = 0) -> None:
        """Make a directory if it is not there, and give it mode and owner (the same number for user and group)."""
        path = self._place(directory)
        if path.is_symlink() or not path.is_dir():
            _remove(path)
            path.mkdir()
        path.chmod(mode)
        os.chown(path, owner, owner)

    def write(self, file: str, text: str) -> None:
        """Put a file there instead of what was there."""
        path = self._place(file)
        _remove(path)
        path.write_text(text, "utf-8")
        path.chmod(0o644)

    def link(self, path: str, target: str) -> None:
        """Put a symbolic link there instead of what was there."""
        place = self._place(path)
        _remove(place)
        place.symlink_to(target)

    def walk(self) -> Iterator[tuple[str, os.stat_result]]:
        """All paths below the root with their own status, in one fixed order."""
        for directory, subdirectories, files in os.walk(self.root):
            subdirectories.sort()
            for name in sorted([*subdirectories, *files]):
                path = os.path.join(directory, name)
                yield path, os.lstat(path)

    def strip_privileges(self) -> None:
        """Take off every bit and attribute with which a file gives privileges, and every special file."""
        for path, status in list(self.walk()):
            if stat.S_ISLNK(status.st_mode):
                continue
            if not (stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode)):
                os.unlink(path)
                continue
            if status.st_mode & (stat.S_ISUID | stat.S_ISGID):
                os.chmod(path, stat.S_IMODE(status.st_mode) & ~(stat.S_ISUID | stat.S_ISGID))
            for attribute in os.listxattr(path, follow_symlinks=False):
                os.removexattr(path, attribute, follow_symlinks=False)

    def _place(self, path: str) -> Path:
        """Return where the path is, with its parents made."""
        place = self.root / path
        self._check_inside(place)
        place.parent.mkdir(parents=True, exist_ok=True)
        return place

    def _check_inside(self, path: Path) -> None:
        parent = path.parent.resolve()
        if ".." in path.parts or not (parent == self.root or self.root in parent.parents):
            raise SandboxError(f"{path} leads out of {self.root}")


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
