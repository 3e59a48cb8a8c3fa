"""How overlayfs says in an upper directory what is hidden of those below (the kernel's filesystems/overlayfs.rst)."""

from __future__ import annotations

import os
import stat

OPAQUE = "user.overlay.opaque"
"""The mark, in a mount of anybody's, of a directory that hides what is below it."""
_WHITEOUT = os.makedev(0, 0)


def put_whiteout(path: str | os.PathLike[str]) -> None:
    """Say that what is below is removed, by a device node of number 0, which anybody may make."""
    os.mknod(path, stat.S_IFCHR, _WHITEOUT)


def is_whiteout(status: os.stat_result) -> bool:
    """Whether it says so."""
    return stat.S_ISCHR(status.st_mode) and status.st_rdev == _WHITEOUT
