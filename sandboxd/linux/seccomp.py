"""seccomp(2): load a compiled filter, and hear of the calls that it refuses.

Calls that a policy answers with death are SECCOMP_RET_USER_NOTIF in the filter: the call waits, the supervisor reads
which it was, reports it by name and kills the container. It never runs, and without a supervisor the kernel answers
ENOSYS. The compiler is ``seccomp_profile``.
"""

from __future__ import annotations

import fcntl
import os
import select
import struct
from collections.abc import Mapping
from dataclasses import dataclass

AUDIT_ARCHES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
FOREIGN_ARCHES = {0x40000003: "i386", 0x40000028: "arm"}
X32_SYSCALL_BIT = 0x40000000
KILL = "kill"

SET_MODE_FILTER = 1
FLAG_NEW_LISTENER = 1 << 3  # Linux 5.0
INSTRUCTION_BYTES = 8
_IOCTL_RECEIVE = 0xC0502100  # struct seccomp_notif, 80 bytes
_IOCTL_SEND = 0xC0182101  # struct seccomp_notif_resp, 24 bytes
_NOTIFICATION = struct.Struct("=QIIiI")
_RESPONSE = struct.Struct("=QqiI")


@dataclass(frozen=True, slots=True)
class Filter:
    """A compiled policy."""

    bpf: bytes
    """Refused calls get their errno from the kernel; deadly ones are notified."""
    audit_bpf: bytes
    """Every refused call is notified, so that it can be named."""
    template_bpf: bytes
    """For a process from which programs are forked: what this policy refuses in any way is not made there, and ENOSYS. Programs
    load another filter beside it, whose every answer but "allow" comes before this one's (seccomp(2), SECCOMP_RET_TRACE)."""
    names: Mapping[int, str]
    """Names of this machine's calls, by number."""
    foreign_names: Mapping[int, str]
    """Names of its 32-bit ABI's calls."""
    answers: Mapping[str, str | int]
    """What is answered to a call that is refused by name: ``kill`` or an errno."""
    default: str | int
    """What is answered to a call that no rule names."""
    holds_templates: bool
    """Whether ``template_bpf`` holds what an image's own code may be in the place of a template: with ptrace(2) it would overrule it, say."""
    plain_sockets: bool
    """Whether no sockets can be made but Unix ones, and those of TCP and UDP."""


@dataclass(frozen=True, slots=True)
class Notification:
    """A refused call that waits for its answer."""

    id: int
    pid: int
    nr: int
    arch: int


def is_listener(fd: int) -> bool:
    """Whether a descriptor is what :func:`load` returns, of whichever filter. No name that a file can have is like it."""
    return os.readlink(f"/proc/self/fd/{fd}") == "anon_inode:seccomp notify"


def receive(listener: int) -> Notification | None:
    """Take the next notification; None when its process has died meanwhile. Waits where somebody else has taken it."""
    buffer = bytearray(80)
    try:
        fcntl.ioctl(listener, _IOCTL_RECEIVE, buffer)
    except (FileNotFoundError, InterruptedError):
        return None
    number, pid, _, nr, arch = _NOTIFICATION.unpack_from(buffer)
    return Notification(number, pid, nr, arch)


def has_notification(listener: int) -> bool:
    """Whether there is one to receive, and not only the end of all who are behind the filter.

    To receive after that end waits for ever before Linux 6.11.
    """
    return bool(_events(listener) & select.POLLIN)


def is_deserted(listener: int) -> bool:
    """Whether nobody is behind the filter any more. Before Linux 5.9 that is not told."""
    return bool(_events(listener) & select.POLLHUP)


def _events(listener: int) -> int:
    poll = select.poll()
    poll.register(listener, select.POLLIN)
    return next((events for _, events in poll.poll(0)), 0)


def refuse(listener: int, notification: Notification, errno: int) -> None:
    """Let the call fail with ``errno``. A process that has died meanwhile needs no answer."""
    response = bytearray(_RESPONSE.pack(notification.id, 0, -errno, 0))
    try:
        fcntl.ioctl(listener, _IOCTL_SEND, response)
    except FileNotFoundError:
        return


def name_call(seccomp_filter: Filter, nr: int, arch: int) -> str:
    """Name a call: ``mount``, ``syscall_600`` for a number without a name, ``i386:mount`` and ``x32:mount`` for foreign ABIs."""
    if arch != AUDIT_ARCHES[os.uname().machine]:
        return f"{FOREIGN_ARCHES.get(arch, f'arch_{arch:#x}')}:{seccomp_filter.foreign_names.get(nr, f'syscall_{nr}')}"
    if nr & X32_SYSCALL_BIT:
        return f"x32:{_native(seccomp_filter, nr & ~X32_SYSCALL_BIT)}"
    return _native(seccomp_filter, nr)


def _native(seccomp_filter: Filter, nr: int) -> str:
    return seccomp_filter.names.get(nr, f"syscall_{nr}")


def answer_to(seccomp_filter: Filter, name: str) -> str | int:
    """Return what the policy answers to a refused call: ``kill`` or an errno."""
    if ":" in name:
        return KILL
    return seccomp_filter.answers.get(name, seccomp_filter.default)
