"""Users, groups, capabilities: who a process is, and how it stops being anybody."""

from __future__ import annotations

import contextlib
import ctypes
import os
import struct
from collections.abc import Iterator, Sequence

from sandboxd.linux import process
from sandboxd.linux.libc import declare
from sandboxd.linux.user_namespace import Extent

CAP_SETUID = 7
CAP_SETPCAP = 8
SECUREBITS = 0b11101111
"""linux/securebits.h: NOROOT, NO_SETUID_FIXUP, KEEP_CAPS (off), NO_CAP_AMBIENT_RAISE, each with its lock."""
KEPT_OVER_SETUID = 0b00001111
_CAPABILITY_VERSION_3 = 0x20080522
HEADER = struct.pack("=Ii", _CAPABILITY_VERSION_3, 0)
"""Of capget(2) and capset(2), for the calling process."""
_CapabilitySets = ctypes.c_uint32 * 6

_capset = declare("capset", ctypes.c_char_p, ctypes.c_void_p)
_capget = declare("capget", ctypes.c_char_p, ctypes.c_void_p)


def map_ids(pid: int, extents: Sequence[Extent]) -> None:
    """Give the user namespace of ``pid`` its ids, users and groups alike. See user_namespaces(7)."""
    lines = "".join(f"{inside} {outside} {count}\n" for inside, outside, count in extents).encode()
    for name in ("uid_map", "gid_map"):
        fd = os.open(f"/proc/{pid}/{name}", os.O_WRONLY | os.O_CLOEXEC)
        try:
            os.write(fd, lines)
        finally:
            os.close(fd)


def may_leave_groups() -> bool:
    """Whether processes of this user namespace may change their supplementary groups, and so those of namespaces below it (user_namespaces(7))."""
    with open("/proc/self/setgroups", "rb") as file:
        return file.read() != b"deny\n"


@contextlib.contextmanager
def acting_as(uid: int) -> Iterator[None]:
    """Act as another user in the block, with the capabilities that root has. Only for a process of root.

    A change to another effective uid empties the effective set (capabilities(7)); the permitted one stays. Undumpable, whatever
    fs.suid_dumpable says (proc(5)), and so is what is cloned meanwhile.
    """
    os.seteuid(uid)
    try:
        process.make_undumpable()
        _raise_permitted()
        yield
    finally:
        os.seteuid(0)


def _raise_permitted() -> None:
    """Make what is permitted effective."""
    sets = _CapabilitySets()
    _capget(HEADER, ctypes.byref(sets))
    for word in range(0, 6, 3):  # effective, permitted, inheritable; of the capabilities up to 31, then of the others
        sets[word] = sets[word + 1]
    _capset(HEADER, ctypes.byref(sets))


def last_capability() -> int:
    """Return the number of the newest capability that this kernel knows."""
    with open("/proc/sys/kernel/cap_last_cap", "rb") as file:
        return int(file.read())
