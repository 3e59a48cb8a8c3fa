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
_CAP_SETPCAP = 8
SECUREBITS = 0b11101111
"""linux/securebits.h: NOROOT, NO_SETUID_FIXUP, KEEP_CAPS (off), NO_CAP_AMBIENT_RAISE, each with its lock."""
_KEPT_OVER_SETUID = 0b00001111
CAPABILITY_VERSION_3 = 0x20080522
_HEADER = struct.pack("=Ii", CAPABILITY_VERSION_3, 0)
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


def become(uid: int, gid: int) -> None:
    """Take on all three ids for good, with no supplementary group. Undumpable, whatever fs.suid_dumpable says (proc(5))."""
    leave_groups()
    os.setresgid(gid, gid, gid)
    os.setresuid(uid, uid, uid)
    process.make_undumpable()


def become_with_effective(uid: int, gid: int, effective: int) -> None:
    """Take on the ids as :func:`become` does, but act as user ``effective``; effective may go back to ``uid``, no further.

    A process of ``uid`` cannot set this one's limits: prlimit(2) asks for real, effective and saved id to match.
    """
    leave_groups()
    os.setresgid(gid, gid, gid)
    os.setresuid(uid, effective, effective)


def become_with(uid: int, gid: int, capability: int, last: int) -> None:
    """Take on the ids for good, with one capability, which execve(2) does not take away, and no way to another.

    Of supplementary groups there is :func:`leave_groups`, which takes a /proc. The capability is an ambient one (capabilities(7)): what a program has that no file gave it. ``last`` is :func:`last_capability`.
    """
    one, both = 1 << capability, 1 << capability | 1 << _CAP_SETPCAP
    for other in set(range(last + 1)) - {capability}:
        process.prctl(process.PR_CAPBSET_DROP, other, 0, 0, 0)
    os.setresgid(gid, gid, gid)
    process.prctl(process.PR_SET_SECUREBITS, _KEPT_OVER_SETUID, 0, 0, 0)
    os.setresuid(uid, uid, uid)
    _set_capabilities(effective=both, permitted=both, inheritable=one)
    process.prctl(process.PR_CAP_AMBIENT, process.PR_CAP_AMBIENT_RAISE, capability, 0, 0)
    process.prctl(process.PR_CAPBSET_DROP, capability, 0, 0, 0)
    process.prctl(process.PR_SET_SECUREBITS, SECUREBITS, 0, 0, 0)
    _set_capabilities(effective=one, permitted=one, inheritable=one)


def leave_groups() -> None:
    """Have no supplementary group, unless nobody of this user namespace can leave any (user_namespaces(7), setgroups)."""
    try:
        os.setgroups([])
    except PermissionError:
        with open("/proc/self/setgroups", "rb") as file:
            if file.read() != b"deny\n":
                raise


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
    _capget(_HEADER, ctypes.byref(sets))
    for word in range(0, 6, 3):  # effective, permitted, inheritable; of the capabilities up to 31, then of the others
        sets[word] = sets[word + 1]
    _capset(_HEADER, ctypes.byref(sets))


def last_capability() -> int:
    """Return the number of the newest capability that this kernel knows."""
    with open("/proc/sys/kernel/cap_last_cap", "rb") as file:
        return int(file.read())


def lock_out_capabilities(last: int) -> None:
    """Empty the bounding and ambient sets and lock the securebits. Needs CAP_SETPCAP: call it before :func:`become`."""
    for capability in range(last + 1):
        process.prctl(process.PR_CAPBSET_DROP, capability, 0, 0, 0)
    process.prctl(process.PR_CAP_AMBIENT, process.PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)
    process.prctl(process.PR_SET_SECUREBITS, SECUREBITS, 0, 0, 0)


def drop_capabilities() -> None:
    """Empty the effective, permitted and inheritable sets."""
    _set_capabilities(effective=0, permitted=0, inheritable=0)


def _set_capabilities(*, effective: int, permitted: int, inheritable: int) -> None:
    """Set the sets; all that is ever set is among the first 32 capabilities."""
    _capset(_HEADER, struct.pack("=6I", effective, permitted, inheritable, 0, 0, 0))
