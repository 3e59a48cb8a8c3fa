"""Mounts: mount(2) and the descriptor-based interface of Linux 5.2 (fsopen, open_tree, move_mount).

Paths and options are bytes, as the kernel takes them, so that who mounts the same again and again has them ready.
"""

from __future__ import annotations

import ctypes
import errno
import os
from enum import IntFlag

from sandboxd.linux import user_namespace
from sandboxd.linux.libc import declare, declare_syscall

AT_EMPTY_PATH = 0x1000
AT_RECURSIVE = 0x8000
AT_FDCWD = -100

MNT_DETACH = 2
_OPEN_TREE_CLONE = 1
MOVE_MOUNT_F_EMPTY_PATH = 0x4
_FSCONFIG_SET_FLAG = 0
_FSCONFIG_SET_STRING = 1
_FSCONFIG_CMD_CREATE = 6
_FSCONFIG_CMD_RECONFIGURE = 7
_FSPICK_CLOEXEC_EMPTY_PATH = 0x1 | 0x8
_CLOEXEC = os.O_CLOEXEC


class MountFlag(IntFlag):
    """Flags of mount(2)."""

    RDONLY = 0x1
    NOSUID = 0x2
    NODEV = 0x4
    NOEXEC = 0x8
    REMOUNT = 0x20
    NOSYMFOLLOW = 0x100
    BIND = 0x1000
    REC = 0x4000
    PRIVATE = 0x40000


class MountAttr(IntFlag):
    """Attributes of mount_setattr(2) and fsmount(2)."""

    RDONLY = 0x1
    NOSUID = 0x2
    NODEV = 0x4
    NOEXEC = 0x8
    IDMAP = 0x100000


class _MountAttrStruct(ctypes.Structure):
    """struct mount_attr of linux/mount.h."""

    _fields_ = [
        ("attr_set", ctypes.c_uint64),
        ("attr_clr", ctypes.c_uint64),
        ("propagation", ctypes.c_uint64),
        ("userns_fd", ctypes.c_uint64),
    ]


# Joined here: to join two enumerated flags takes longer than most calls that they are for.
READ_ONLY_DATA = (
    MountFlag.BIND | MountFlag.REMOUNT | MountFlag.RDONLY | MountFlag.NOSUID | MountFlag.NODEV | MountFlag.NOEXEC
)
PRIVATE = MountFlag.REC | MountFlag.PRIVATE
_IDMAP = MountAttr.IDMAP.value

_str, _int, _uint = ctypes.c_char_p, ctypes.c_int, ctypes.c_uint
_mount = declare("mount", _str, _str, _str, ctypes.c_ulong, _str, raises=False)
_umount2 = declare("umount2", _str, _int)
_pivot_root = declare("pivot_root", _str, _str)
_open_tree = declare_syscall(428, "open_tree", _int, _str, _uint)
_move_mount = declare_syscall(429, "move_mount", _int, _str, _int, _str, _uint)
_fsopen = declare_syscall(430, "fsopen", _str, _uint)
_fsconfig = declare_syscall(431, "fsconfig", _int, _uint, _str, ctypes.c_void_p, _int)
_fsmount = declare_syscall(432, "fsmount", _int, _uint, _uint)
_fspick = declare_syscall(433, "fspick", _int, _str, _uint)
_mount_setattr = declare_syscall(
    442, "mount_setattr", _int, _str, _uint, ctypes.POINTER(_MountAttrStruct), ctypes.c_size_t
)


def mount(
    source: bytes | None, target: bytes, fstype: bytes | None = None, flags: int = 0, data: bytes | None = None
) -> None:
    """mount(2). None is NULL. The error names the target."""
    if code := _try_mount(source, target, fstype, flags, data):
        raise _error(code, target)


def _try_mount(source: bytes | None, target: bytes, fstype: bytes | None, flags: int, data: bytes | None) -> int:
    """Return 0, or the errno of the failure."""
    return ctypes.get_errno() if _mount(source, target, fstype, flags, data) else 0


def _error(code: int | None, path: bytes) -> OSError:
    return OSError(code, os.strerror(code or 0), os.fsdecode(path))


def unmount(target: bytes, flags: int = MNT_DETACH) -> None:
    """umount2(2); lazily unless told otherwise."""
    _umount2(target, flags)


def pivot_into(root: bytes) -> None:
    """Make ``root``, a mount point, the root of this mount namespace and drop the old root with all below it.

    pivot_root(".", ".") stacks the old root over the new, so that no directory for it is needed (pivot_root(2)).
    """
    os.chdir(root)
    _pivot_root(b".", b".")
    unmount(b".")
    os.chdir("/")


def make_private() -> None:
    """Cut all mounts of this namespace off from other namespaces, both ways."""
    mount(None, b"/", None, PRIVATE)


def new_filesystem(fstype: str, attributes: int = 0, **options: str) -> int:
    """Make a detached mount of a new file system and return its descriptor (O_PATH, close-on-exec).

    Option values are strings; an empty one is a flag.
    """
    context = _fsopen(fstype.encode(), 1)  # FSOPEN_CLOEXEC
    try:
        for key, value in options.items():
            name = key.encode()
            if value == "":
                _fsconfig(context, _FSCONFIG_SET_FLAG, name, None, 0)
            else:
                _fsconfig(context, _FSCONFIG_SET_STRING, name, os.fsencode(value), 0)
        _fsconfig(context, _FSCONFIG_CMD_CREATE, None, None, 0)
        return int(_fsmount(context, 1, int(attributes)))  # FSMOUNT_CLOEXEC
    finally:
        os.close(context)


def reconfigure(mount_fd: int, **options: str) -> None:
    """Change options of the file system behind a mount; those that are not named stay. Linux 5.2, fspick(2)."""
    context = _fspick(mount_fd, b"", _FSPICK_CLOEXEC_EMPTY_PATH)
    try:
        for key, value in options.items():
            _fsconfig(context, _FSCONFIG_SET_STRING, key.encode(), os.fsencode(value), 0)
        _fsconfig(context, _FSCONFIG_CMD_RECONFIGURE, None, None, 0)
    finally:
        os.close(context)


def clone_tree(path: bytes, *, recursive: bool = False) -> int:
    """Return a descriptor on a detached copy of the mount at ``path`` (a bind mount without a place yet). The error names it."""
    flags = _OPEN_TREE_CLONE | _CLOEXEC | (AT_RECURSIVE if recursive else 0)
    try:
        return int(_open_tree(AT_FDCWD, path, flags))
    except OSError as error:
        raise _error(error.errno, path) from None


def attach(mount_fd: int, target: bytes) -> None:
    """Put a detached mount at ``target``. The error names the target."""
    try:
        _move_mount(mount_fd, b"", AT_FDCWD, target, MOVE_MOUNT_F_EMPTY_PATH)
    except OSError as error:
        raise _error(error.errno, target) from None


def set_attributes(mount_fd: int, attributes: int, *, userns_fd: int | None = None, recursive: bool = False) -> None:
    """Set attributes of a detached mount; with ``userns_fd`` its ids are shown as that user namespace maps them.

    Linux 5.12; OSError EINVAL where the file system does not support id-mapped mounts.
    """
    spec = _MountAttrStruct(attr_set=int(attributes))
    if userns_fd is not None:
        spec.attr_set |= _IDMAP
        spec.userns_fd = userns_fd
    flags = AT_EMPTY_PATH | (AT_RECURSIVE if recursive else 0)
    _mount_setattr(mount_fd, b"", flags, ctypes.byref(spec), ctypes.sizeof(spec))


def means_no_idmap(error: OSError) -> bool:
    """Whether a failed :func:`set_attributes` says that there are no id-mapped mounts of this file system."""
    if error.errno == errno.EPERM:  # it may have, but not for us: it is another user namespace's
        return not user_namespace.is_initial()
    return error.errno in (errno.EINVAL, errno.EOPNOTSUPP)


def attach_and_close(mount_fd: int, target: bytes) -> None:
    """Put a detached mount at ``target`` and let go of its descriptor."""
    attach(mount_fd, target)
    os.close(mount_fd)
