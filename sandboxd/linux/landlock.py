"""Landlock: what a process and all that come of it may do with files, whatever the files' own permissions. See landlock(7)."""

from __future__ import annotations

import ctypes
import enum
import os
import struct
from collections.abc import Iterable
from dataclasses import dataclass

from sandboxd.linux.libc import declare_syscall
from sandboxd.linux.script import Address, Cell, Script


class Access(enum.IntFlag):
    """LANDLOCK_ACCESS_FS_*, linux/landlock.h."""

    EXECUTE = 1 << 0
    WRITE_FILE = 1 << 1
    READ_FILE = 1 << 2
    READ_DIR = 1 << 3
    REMOVE_DIR = 1 << 4
    REMOVE_FILE = 1 << 5
    MAKE_CHAR = 1 << 6
    MAKE_DIR = 1 << 7
    MAKE_REG = 1 << 8
    MAKE_SOCK = 1 << 9
    MAKE_FIFO = 1 << 10
    MAKE_BLOCK = 1 << 11
    MAKE_SYM = 1 << 12
    REFER = 1 << 13
    TRUNCATE = 1 << 14
    IOCTL_DEV = 1 << 15


MIN_ABI = 2
"""Before it no file could be renamed from one directory to another under Landlock (LANDLOCK_ACCESS_FS_REFER, Linux 5.19)."""
_CREATE_RULESET_VERSION = 1
RULE_PATH_BENEATH = 1
_SCOPE_ABSTRACT_UNIX_SOCKET = 1 << 0
_SCOPE_SIGNAL = 1 << 1
_SCOPE_ABI = 6
# The rights that an ABI knows, by the last of them: 1 to MAKE_SYM, 2 REFER (Linux 5.19), 3 and 4 TRUNCATE, 5 IOCTL_DEV.
_KNOWN = {1: Access.REFER - 1, 2: Access.TRUNCATE - 1, 3: Access.IOCTL_DEV - 1, 4: Access.IOCTL_DEV - 1}
_ALL = (Access.IOCTL_DEV << 1) - 1

_RULE = struct.Struct("=Qi")  # struct landlock_path_beneath_attr, packed
_DESCRIPTOR_BYTES = 4
OPEN = os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC

_create_ruleset = declare_syscall(444, "landlock_create_ruleset", ctypes.c_char_p, ctypes.c_size_t, ctypes.c_uint32)


def abi_version() -> int:
    """Return the newest ABI that this kernel has, 0 where it has none or it is switched off."""
    try:
        return int(_create_ruleset(None, 0, _CREATE_RULESET_VERSION))
    except OSError:  # ENOSYS, EOPNOTSUPP
        return 0


@dataclass(frozen=True, slots=True)
class Domain:
    """What is to be allowed, as a kernel of some ABI takes it."""

    attributes: bytes
    rules: tuple[tuple[str, int], ...]


def domain(abi: int, rules: Iterable[tuple[str, Access]]) -> Domain:
    """Say what may be done below each directory; to what is said of the ones above it, it adds."""
    known = _KNOWN.get(abi, _ALL)
    scoped = _SCOPE_ABSTRACT_UNIX_SOCKET | _SCOPE_SIGNAL if abi >= _SCOPE_ABI else 0
    # A kernel that knows a shorter structure takes this one, as long as what it does not know is 0.
    attributes = struct.pack("=QQQ", known, 0, scoped)
    return Domain(attributes, tuple((path, int(access & known)) for path, access in rules))


def rule(script: Script, access: int) -> tuple[Address, Cell]:
    """Put a rule into a script, and return it with the cell that takes the descriptor of its directory."""
    place = script.put(_RULE.pack(access, -1))
    return place, Cell(place.offset + _RULE.size - _DESCRIPTOR_BYTES)
