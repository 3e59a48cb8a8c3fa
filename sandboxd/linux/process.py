"""Processes: namespaces, pidfds, resource limits, and what a process says of itself (prctl(2))."""

from __future__ import annotations

import ctypes
import resource
import signal
from enum import IntFlag

from sandboxd.linux.libc import declare

PR_SET_DUMPABLE = 4
PR_CAPBSET_DROP = 24
PR_SET_SECUREBITS = 28
PR_SET_NO_NEW_PRIVS = 38
PR_CAP_AMBIENT = 47
PR_CAP_AMBIENT_RAISE = 2
PR_CAP_AMBIENT_CLEAR_ALL = 4


class Namespace(IntFlag):
    """clone(2)'s and unshare(2)'s flags for namespaces."""

    MOUNT = 0x00020000
    CGROUP = 0x02000000
    UTS = 0x04000000
    IPC = 0x08000000
    USER = 0x10000000
    PID = 0x20000000
    NETWORK = 0x40000000


_ulong = ctypes.c_ulong
prctl = declare("prctl", ctypes.c_int, _ulong, _ulong, _ulong, _ulong)
_unshare = declare("unshare", ctypes.c_int)
_setns = declare("setns", ctypes.c_int, ctypes.c_int)


def unshare(namespaces: Namespace) -> None:
    """unshare(2). It moves the calling thread; into a user or pid namespace, or with several threads, it may not."""
    _unshare(int(namespaces))


def enter(fd: int, kind: Namespace) -> None:
    """setns(2): move the calling thread into an existing namespace, by a descriptor of it."""
    _setns(fd, int(kind))


def pid_of(pidfd: int) -> int:
    """Return the number that the process of ``pidfd`` has where /proc is from; -1 once it has ended (pidfd_open(2))."""
    with open(f"/proc/self/fdinfo/{pidfd}", "rb") as file:
        return int(next(line.split()[1] for line in file if line.startswith(b"Pid:")))


def pidfd_signal(pidfd: int, number: int) -> None:
    """Send a signal to the process of ``pidfd``. Linux 5.1. ProcessLookupError when it is gone."""
    signal.pidfd_send_signal(pidfd, number)


def make_undumpable() -> None:
    """Deny ptrace, /proc/PID/mem and the like to every process without privileges over this one."""
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)


def cap_rlimit(kind: int, value: int, pid: int = 0) -> None:
    """Set a resource limit, soft and hard, of this process or another; one above the present hard limit is lowered to that one.

    Raising a hard limit takes CAP_SYS_RESOURCE in the initial user namespace, which nobody here has.
    """
    most = resource.prlimit(pid, kind)[1]
    value = value if most == resource.RLIM_INFINITY else min(value, most)
    resource.prlimit(pid, kind, (value, value))


def raise_soft_limit(kind: int) -> None:
    """Set a soft resource limit to its hard one."""
    hard = resource.getrlimit(kind)[1]
    resource.setrlimit(kind, (hard, hard))


def read_start_time(pid: int | str) -> int:
    """Return the start time of a process in clock ticks since boot; with the pid it names the process for good."""
    with open(f"/proc/{pid}/stat", "rb") as file:
        # The name in parentheses may hold anything, parentheses too: count from the last one.
        return int(file.read().rpartition(b")")[2].split()[19])


def is_alive(pid: int, start_time: int) -> bool:
    """Return whether the process named by :func:`read_start_time` lives; a zombie, which nobody reaped, does not."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            fields = file.read().rpartition(b")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return int(fields[19]) == start_time and fields[0] not in (b"Z", b"X")


def self_cgroups() -> dict[str, str]:
    """Return this process's cgroups, by controller; '' is cgroup v2. See cgroups(7)."""
    groups = {}
    with open("/proc/self/cgroup", encoding="utf-8") as file:
        for line in file:
            _, controllers, path = line.rstrip("\n").split(":", 2)
            for controller in controllers.split(","):
                groups[controller] = path
    return groups
