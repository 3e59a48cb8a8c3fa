"""Pieces of a seccomp filter for one that has CAP_SETUID and is not trusted with it: who it may become, and that there is no way around.

A filter sees numbers and not what they stand for in a user namespace. So one that is about to enter some may become the owner of any of
them, as it must to enter; and whoever is in there, a program with no capability, is told of other ids what the kernel would tell it.
"""

from __future__ import annotations

import errno
import platform
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from sandboxd.linux.seccomp import AUDIT_ARCHES

_CALLS: Mapping[str, tuple[tuple[int, int], ...]] = {
    "x86_64": ((105, 1), (113, 2), (117, 3), (122, 1)),
    "aarch64": ((146, 1), (145, 2), (147, 3), (151, 1)),
}
"""Numbers of setuid, setreuid, setresuid and setfsuid, each with how many ids it takes."""
_IOCTL = {"x86_64": 16, "aarch64": 29}
_SETNS = {"x86_64": 308, "aarch64": 268}
# Of an ioctl's request: asm-generic/ioctl.h, SECCOMP_IOC_MAGIC, PIDFS_IOCTL_MAGIC of linux/pidfd.h, NSIO of linux/nsfs.h.
_TYPE, _OF_SECCOMP, _OF_PIDFDS, _OF_NSFS = 0xFF00, ord("!") << 8, 0xFF00, 0xB700
_NONE = 0xFFFFFFFF
_NUMBER, _ARCH, _ARGUMENTS = 0, 4, 16  # offsets in struct seccomp_data, linux/seccomp.h
_RET_ERRNO = 0x00050000
# linux/bpf_common.h, linux/filter.h.
_LOAD, _LOAD_MEMORY, _STORE, _TO_X = 0x20, 0x60, 0x02, 0x07
_SUBTRACT, _MULTIPLY, _DIVIDE, _AND = 0x14, 0x24, 0x34, 0x54
_JUMP, _EQUAL, _EQUAL_X, _GREATER, _AT_LEAST, _RETURN = 0x05, 0x15, 0x1D, 0x25, 0x35, 0x06
_INSTRUCTION = struct.Struct("=HBBI")
_NEXT = ""


@dataclass(frozen=True, slots=True)
class _Step:
    """An instruction whose jumps have names."""

    code: int
    value: int = 0
    then: str = _NEXT
    otherwise: str = _NEXT
    label: str = _NEXT


def only_these_users(own: int, first: int, count: int, stride: int) -> bytes:
    """Return instructions that go in front of a filter.

    setuid, setreuid, setresuid and setfsuid go on to that filter with ``own`` and with "as it is" (-1); setresuid with one of ``count`` ids
    from ``first`` on, each ``stride`` after the one before; with anything else they are EPERM. Calls of another ABI go on.
    """
    steps = [_Step(_LOAD, _ARCH), _Step(_EQUAL, AUDIT_ARCHES[platform.machine()], otherwise="end")]
    for number, ids in _CALLS[platform.machine()]:
        steps += _block(number, ids, own, (first, count, stride))
    return _assembled([*steps, _Step(_LOAD, _NUMBER, label="end")])


def no_ways_around() -> bytes:
    """Return instructions that go in front of a filter, and refuse with EPERM what would go around it.

    - to take or to answer a notification of seccomp's: who may load a filter could else have any call that another filter refuses by
      SECCOMP_RET_TRACE notified to a process of its own, which lets it be made (linux/seccomp.h, SECCOMP_USER_NOTIF_FLAG_CONTINUE);
    - to enter a namespace by anything but a descriptor of it, and to have such a descriptor by a process's or another namespace's: of whoever's
      namespaces it owns it could else enter those that it was not given, at any moment (setns(2), PIDFD_GET_MNT_NAMESPACE, NS_MNT_GET_NEXT).

    Calls of another ABI, which have other numbers, go on to that filter. Its answer to them, SECCOMP_RET_TRACE, a tracer could overrule: so
    there are no templates where ptrace(2) is allowed (``Filter.holds_templates``).
    """
    machine = platform.machine()
    steps = [
        _Step(_LOAD, _ARCH),
        _Step(_EQUAL, AUDIT_ARCHES[machine], otherwise="end"),
        _Step(_LOAD, _NUMBER),
        _Step(_EQUAL, _SETNS[machine], otherwise="other"),
        _Step(_LOAD, _ARGUMENTS + 8),
        _Step(_EQUAL, 0, then="end", otherwise="refused"),
        _Step(_EQUAL, _IOCTL[machine], otherwise="end", label="other"),
        _Step(_LOAD, _ARGUMENTS + 8),
        _Step(_AND, _TYPE),
        _Step(_EQUAL, _OF_SECCOMP, then="refused"),
        _Step(_EQUAL, _OF_PIDFDS, then="refused"),
        _Step(_EQUAL, _OF_NSFS, otherwise="end"),
        _Step(_RETURN, _RET_ERRNO | errno.EPERM, label="refused"),
        _Step(_LOAD, _NUMBER, label="end"),
    ]
    return _assembled(steps)


def _block(number: int, ids: int, own: int, owners: tuple[int, int, int]) -> Iterator[_Step]:
    after, other, refused = f"after {number}", f"other {number}", f"refused {number}"
    all_owners = ids == 3  # noqa: PLR2004  (setresuid)
    yield _Step(_LOAD, _NUMBER)
    yield _Step(_EQUAL, number, otherwise=after)
    for index in range(ids):
        fine = f"fine {number} {index}"
        yield _Step(_LOAD, _ARGUMENTS + 8 * index)
        yield _Step(_EQUAL, own, then=fine)
        yield _Step(_EQUAL, _NONE, then=fine, otherwise=other if all_owners else refused)
        yield _Step(_LOAD, _NUMBER, label=fine)
    yield _Step(_JUMP, then=after)
    if all_owners:
        yield _Step(_LOAD, _NUMBER, label=other)
        for index in range(ids):
            yield from _is_owner(_ARGUMENTS + 8 * index, refused, *owners)
        yield _Step(_JUMP, then=after)
    yield _Step(_RETURN, _RET_ERRNO | errno.EPERM, label=refused)
    yield _Step(_LOAD, _NUMBER, label=after)


def _is_owner(argument: int, refused: str, first: int, count: int, stride: int) -> Iterator[_Step]:
    yield _Step(_LOAD, argument)
    yield _Step(_AT_LEAST, first, otherwise=refused)
    yield _Step(_GREATER, first + (count - 1) * stride, then=refused)
    yield _Step(_SUBTRACT, first)
    yield _Step(_STORE, 0)
    yield _Step(_DIVIDE, stride)
    yield _Step(_MULTIPLY, stride)
    yield _Step(_TO_X)
    yield _Step(_LOAD_MEMORY, 0)
    yield _Step(_EQUAL_X, otherwise=refused)


def _assembled(steps: list[_Step]) -> bytes:
    places = {step.label: place for place, step in enumerate(steps) if step.label}

    def distance(place: int, label: str) -> int:
        return places[label] - place - 1 if label else 0

    return b"".join(
        _INSTRUCTION.pack(step.code, 0, 0, distance(place, step.then))
        if step.code == _JUMP
        else _INSTRUCTION.pack(step.code, distance(place, step.then), distance(place, step.otherwise), step.value)
        for place, step in enumerate(steps)
    )
