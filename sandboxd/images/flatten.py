"""Layers as one directory, for who can mount none: each is unpacked, and put over those below it as overlayfs would show it."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Sequence
from pathlib import Path

from sandboxd.images import commands
from sandboxd.images.tree import is_directory, remove
from sandboxd.linux import overlay

EXTRACTOR = "fsck.erofs"


def flatten(files: Sequence[Path], root: Path, work: Path, *, keep_owners: bool) -> None:
    """Make a directory of erofs files, the lowest first; works in another. BuildFailed where they cannot be unpacked."""
    lowest, *others = files
    _extract(lowest, root, keep_owners=keep_owners)
    for number, file in enumerate(others):
        layer = work / f"layer.{number}"
        _extract(file, layer, keep_owners=keep_owners)
        put_over(layer, root)
        shutil.rmtree(layer)


def put_over(upper: Path, lower: Path) -> None:
    """Put what is in one directory over what is in another: its whiteouts remove, its directories are merged, all else takes the place of what was there.

    Takes the first apart. A mark of opaque directories says nothing here: layers have whiteouts instead (``subtract.hide``).
    """
    for name in os.listdir(upper):
        over, under = upper / name, lower / name
        if overlay.is_whiteout(over.lstat()):
            remove(under)
        elif is_directory(over) and is_directory(under):
            put_over(over, under)
        else:
            remove(under)
            over.rename(under)
    _become_like(upper, lower)


def _extract(file: Path, directory: Path, *, keep_owners: bool) -> None:
    owners = "--preserve-owner" if keep_owners else "--no-preserve-owner"
    commands.run([EXTRACTOR, f"--extract={directory}", "--preserve-perms", owners, str(file.resolve())])


def _become_like(directory: Path, other: Path) -> None:
    """Give the other directory the owner, mode and time of one. The owner first: changing it takes bits off the mode."""
    status = directory.stat()
    os.chown(other, status.st_uid, status.st_gid)
    other.chmod(stat.S_IMODE(status.st_mode))
    os.utime(other, ns=(status.st_atime_ns, status.st_mtime_ns))
