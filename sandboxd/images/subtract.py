"""A root file system less what the layers below it have: what is left is one more layer.

What is the same below is taken out of the tree; what is below and not in the tree is whited out, as overlayfs has it: by a
device node of number 0 (the kernel's filesystems/overlayfs.rst), which anybody may make. And an upper directory of an overlay
into such a layer.
"""

from __future__ import annotations

import filecmp
import os
import stat
from pathlib import Path

from sandboxd.images.tree import is_directory
from sandboxd.linux import overlay


def subtract(tree: Path, below: Path) -> None:
    """Take what is in one directory out of another. Times are no difference."""
    present, lower = set(os.listdir(tree)), set(os.listdir(below))
    for name in lower - present:
        overlay.put_whiteout(tree / name)
    for name in present & lower:
        one, other = tree / name, below / name
        if is_directory(one) and is_directory(other):
            subtract(one, other)
            if same(one, other) and not os.listdir(one):
                one.rmdir()
        elif same(one, other):
            one.unlink()


def hide(upper: Path, lower: Path, *, is_opaque: bool = False) -> None:
    """Put whiteouts in place of the mark of opaque directories, in an upper directory and all below it."""
    for name in os.listdir(upper):
        one, other = upper / name, lower / name
        if is_directory(one) and is_directory(other):
            hide(one, other, is_opaque=is_opaque or overlay.OPAQUE in os.listxattr(one))
    if is_opaque:
        for name in set(os.listdir(lower)) - set(os.listdir(upper)):
            overlay.put_whiteout(upper / name)


def drop_same(upper: Path, lower: Path) -> None:
    """Take out of an upper directory what is below already: what an archive has once more, and directories that are the way to nothing.

    A file of several names stays, for they would be of two files.
    """
    for name in os.listdir(upper):
        one, other = upper / name, lower / name
        status = one.lstat()
        if not os.path.lexists(other):
            continue
        if is_directory(one) and is_directory(other):
            drop_same(one, other)
            if same(one, other) and not os.listdir(one):
                one.rmdir()
        elif status.st_nlink == 1 and int(status.st_mtime) == int(other.lstat().st_mtime) and same(one, other):
            one.unlink()


def same(path: Path, other: Path) -> bool:
    """Whether two paths have the same kind, mode, owner and content; of directories only themselves are looked at."""
    one, two = path.lstat(), other.lstat()
    if (one.st_mode, one.st_uid, one.st_gid) != (two.st_mode, two.st_uid, two.st_gid):
        return False
    if stat.S_ISLNK(one.st_mode):
        return os.readlink(path) == os.readlink(other)
    if stat.S_ISREG(one.st_mode):
        return one.st_size == two.st_size and filecmp.cmp(path, other, shallow=False)
    return stat.S_ISDIR(one.st_mode)
