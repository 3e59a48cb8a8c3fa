"""A finished root into what the launcher mounts: an erofs file, or a directory where the kernel cannot mount one."""

from __future__ import annotations

import hashlib
import os
import re
import stat
from pathlib import Path

from sandboxd.errors import SandboxError
from sandboxd.images import commands
from sandboxd.images.files import DIRECTORY_ROOT, EROFS_ROOT
from sandboxd.images.tree import Tree
from sandboxd.linux import user_namespace

# Any fixed values do: with them, the same tree gives the same file.
_UUID = "73616e64-626f-7864-8000-000000000000"
_TIME = "0"
_LAST_TIME = str(2**32 - 1)
_FILE_BACKED = (6, 12)  # Linux 6.12 mounts an erofs file without a loop device
_CHUNK_BYTES = 1 << 20


def why_not_erofs() -> str | None:
    """Say why roots cannot be erofs files here; None if they can."""
    if not user_namespace.is_initial():
        return "only the host's root can mount an erofs file"
    if not commands.available("mkfs.erofs"):
        return "mkfs.erofs not found (apt-get install -y erofs-utils)"
    if not _kernel_has_erofs():
        return "this kernel has no erofs"
    if _kernel_version() < _FILE_BACKED and not Path("/dev/loop-control").exists():
        return "before Linux 6.12 erofs needs loop devices, and there is no /dev/loop-control"
    return None


def pack_erofs(tree: Tree, place: Path, *, keep_times: bool = False) -> str:
    """Write ``place``/root.erofs and return its digest. Uncompressed: the page cache holds what programs map.

    All files have one time, unless ``keep_times``: then the tree's, none later than February 2106.
    """
    image = place / EROFS_ROOT
    times, env = ([], {"SOURCE_DATE_EPOCH": _LAST_TIME}) if keep_times else ([f"-T{_TIME}"], {})
    commands.run(["mkfs.erofs", "--quiet", "-x-1", *times, f"-U{_UUID}", str(image), str(tree.root)], env=env)
    image.chmod(0o444)
    digest = hashlib.sha256()
    with image.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            digest.update(chunk)
        os.fsync(file.fileno())
    return f"sha256:{digest.hexdigest()}"


def pack_directory(tree: Tree, place: Path) -> str:
    """Move the tree to ``place``/root and return a digest over a listing of it."""
    digest = tree_digest(tree)
    tree.root.rename(place / DIRECTORY_ROOT)
    return digest


def tree_digest(tree: Tree) -> str:
    """Digest names, kinds, modes, owners and contents; times are left out."""
    digest = hashlib.sha256()
    for path, status in tree.walk():
        name = os.fsencode(os.path.relpath(path, tree.root))
        digest.update(b"%s\0%o %d %d\0" % (name, status.st_mode, status.st_uid, status.st_gid))
        if stat.S_ISLNK(status.st_mode):
            content = hashlib.sha256(os.fsencode(os.readlink(path)))
        elif stat.S_ISREG(status.st_mode):
            with open(path, "rb") as file:
                content = hashlib.file_digest(file, "sha256")
        elif stat.S_ISDIR(status.st_mode):
            content = hashlib.sha256()
        else:
            raise SandboxError(f"{path}: neither file, directory nor link")
        digest.update(content.digest())
    return f"sha256:{digest.hexdigest()}"


def _kernel_has_erofs() -> bool:
    if _lists_erofs():
        return True
    if commands.available("modprobe"):
        try:
            commands.run(["modprobe", "erofs"])
        except SandboxError:
            return False
    return _lists_erofs()


def _lists_erofs() -> bool:
    return "\terofs\n" in Path("/proc/filesystems").read_text()


def _kernel_version() -> tuple[int, int]:
    found = re.match(r"(\d+)\.(\d+)", os.uname().release)
    return (int(found[1]), int(found[2])) if found else (0, 0)
