"""Opening files in a directory that an enemy filled: openat2(2), which leaves no tree, and files that are new."""

from __future__ import annotations

import ctypes
import os

from sandboxd.linux.libc import declare_syscall

NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
"""Flags of open(2) to write a file that was not there: no link and no file of somebody else's is followed or opened."""
_RESOLVE_NO_XDEV = 0x01
_RESOLVE_NO_MAGICLINKS = 0x02
_RESOLVE_NO_SYMLINKS = 0x04
_RESOLVE_BENEATH = 0x08
_RESOLVE_IN_ROOT = 0x10


class _OpenHow(ctypes.Structure):
    """struct open_how of linux/openat2.h."""

    _fields_ = [("flags", ctypes.c_uint64), ("mode", ctypes.c_uint64), ("resolve", ctypes.c_uint64)]


_openat2 = declare_syscall(437, "openat2", ctypes.c_int, ctypes.c_char_p, ctypes.POINTER(_OpenHow), ctypes.c_size_t)


def open_beneath(directory: int, name: str | bytes, flags: int, mode: int = 0) -> int:
    """Open ``name`` below ``directory``, close-on-exec, following no link of any kind. Linux 5.6.

    OSError ELOOP where a link is in the way, EXDEV where the name leads out.
    """
    resolve = _RESOLVE_BENEATH | _RESOLVE_NO_SYMLINKS | _RESOLVE_NO_MAGICLINKS | _RESOLVE_NO_XDEV
    return _open(directory, name, flags, mode, resolve)


def open_in_root(directory: int, name: str | bytes, flags: int, mode: int = 0) -> int:
    """Open ``name`` below ``directory``, close-on-exec, as if that were the root: links and ``..`` lead nowhere else. Linux 5.6.

    OSError ELOOP where links go round.
    """
    return _open(directory, name, flags, mode, _RESOLVE_IN_ROOT | _RESOLVE_NO_MAGICLINKS | _RESOLVE_NO_XDEV)


def _open(directory: int, name: str | bytes, flags: int, mode: int, resolve: int) -> int:
    how = _OpenHow(flags=flags | os.O_CLOEXEC, mode=mode, resolve=resolve)
    return int(_openat2(directory, os.fsencode(name), ctypes.byref(how), ctypes.sizeof(how)))
