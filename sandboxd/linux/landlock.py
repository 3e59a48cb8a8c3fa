"""Landlock. See landlock(7)."""

from __future__ import annotations

import ctypes

from sandboxd.linux.libc import declare_syscall

_CREATE_RULESET_VERSION = 1
_create_ruleset = declare_syscall(444, "landlock_create_ruleset", ctypes.c_void_p, ctypes.c_size_t, ctypes.c_uint32)


def abi_version() -> int:
    """Return the newest ABI that this kernel has, 0 where it has none or it is switched off."""
    try:
        return int(_create_ruleset(None, 0, _CREATE_RULESET_VERSION))
    except OSError:  # ENOSYS, EOPNOTSUPP
        return 0
