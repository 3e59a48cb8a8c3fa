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

# linux/securebits.h: NOROOT, NO_SETUID_FIXUP, KEEP_CAPS (off), NO_CAP_AMBIENT_RAISE, each with its lock.
_SECUREBITS_LOCKED = 0b11101111
_CAPABILITY_VERSION_3 = 0x20080522

_capset = declare("capset", ctypes.c_char_p, ctypes.c_char_p)
_capget = declare("capget", ctypes.c_char_p, ctypes.c_char_p)


def map_ids(pid: int, extents: Sequence[Extent]) -> None:
    """Give the user namespace of ``pid`` its ids, users and groups alike. See user_namespaces(7)."""
    lines = "".join(f"{inside} {outside} {count}\n" for inside, outside, count in extents).encode()
    for name in ("uid_map", "gid_map"):
        fd = os.open(f"/proc/{pid}/{name}", os.O_WRONLY | os.O_CLOEXEC)
        try:
            os.write(fd, lines)
        finally:
            os.close(fd)


def become(uid: int, gid: int) -> None:
    """Take on all three ids for good, with no supplementary group."""
    _leave_groups()
    os.setresgid(gid, gid, gid)
    os.setresuid(uid, uid, uid)


def become_with_effective(uid: int, gid: int, effective: int) -> None:
    """Take on the ids as :func:`become` does, but act as user ``effective``; effective may go back to ``uid``, no further.

    A process of ``uid`` cannot set this one's limits: prlimit(2) asks for real, effective and saved id to match.
    """
    _leave_groups()
    os.setresgid(gid, gid, gid)
    os.setresuid(uid, effective, effective)


def _leave_groups() -> None:
    """Have no supplementary group, unless nobody of this user namespace can leave any (user_namespaces(7), setgroups)."""
    with open("/proc/self/setgroups", "rb") as file:
        if file.read() != b"deny\n":
            os.setgroups([])


@contextlib.contextmanager
def acting_as(uid: int) -> Iterator[None]:
    """Act as another user in the block, with the capabilities that root has. Only for a process of root.

    A change to another effective uid empties the effective set (capabilities(7)); the permitted one stays.
    """
    os.seteuid(uid)
    try:
        _raise_permitted()
        yield
    finally:
        os.seteuid(0)


def _raise_permitted() -> None:
    """Make what is permitted effective."""
    header = struct.pack("=Ii", _CAPABILITY_VERSION_3, 0)
    sets = ctypes.create_string_buffer(24)
    _capget(header, sets)
    low, high = (struct.unpack_from("=III", sets.raw, offset) for offset in (0, 12))
    _capset(header, struct.pack("=6I", low[1], low[1], low[2], high[1], high[1], high[2]))


def last_capability() -> int:
    """Return the number of the newest capability that this kernel knows."""
    with open("/proc/sys/kernel/cap_last_cap", "rb") as file:
        return int(file.read())


def lock_out_capabilities(last: int) -> None:
    """Empty the bounding and ambient sets and lock the securebits. Needs CAP_SETPCAP: call it before :func:`become`."""
    for capability in range(last + 1):
        process.prctl(process.PR_CAPBSET_DROP, capability, 0, 0, 0)
    process.prctl(process.PR_CAP_AMBIENT, process.PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)
    process.prctl(process.PR_SET_SECUREBITS, _SECUREBITS_LOCKED, 0, 0, 0)


def drop_capabilities() -> None:
    """Empty the effective, permitted and inheritable sets."""
    header = struct.pack("=Ii", _CAPABILITY_VERSION_3, 0)
    _capset(header, bytes(24))
