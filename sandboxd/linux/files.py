"""Opening files below a directory that an enemy filled: openat2(2), which resolves no link and leaves no tree."""

from __future__ import annotations

import ctypes
import os

from sandboxd.linux.libc import declare_syscall

_RESOLVE_NO_XDEV = 0x01
_RESOLVE_NO_MAGICLINKS = 0x02
_RESOLVE_NO_SYMLINKS = 0x04
_RESOLVE_BENEATH = 0x08


class _OpenHow(ctypes.Structure):
    """struct open_how of linux/openat2.h."""

    _fields_ = [("flags", ctypes.c_uint64), ("mode", ctypes.c_uint64), ("resolve", ctypes.c_uint64)]


_openat2 = declare_syscall(437, "openat2", ctypes.c_int, ctypes.c_char_p, ctypes.POINTER(_OpenHow), ctypes.c_size_t)


def open_beneath(directory: int, name: str, flags: int, mode: int = 0) -> int:
    """Open ``name`` below ``directory``, close-on-exec, following no link of any kind. Linux 5.6.

    OSError ELOOP where a link is in the way, EXDEV where the name leads out.
    """
    resolve = _RESOLVE_BENEATH | _RESOLVE_NO_SYMLINKS | _RESOLVE_NO_MAGICLINKS | _RESOLVE_NO_XDEV
    how = _OpenHow(flags=flags | os.O_CLOEXEC, mode=mode, resolve=resolve)
    return int(_openat2(directory, os.fsencode(name), ctypes.byref(how), ctypes.sizeof(how)))
