"""Compiles a seccomp profile in Docker's, Podman's and OCI's JSON format to the BPF that ``seccomp`` loads.

For the native architecture only, as a binary tree: a call of another ABI (i386, x32) is answered with death. Numbers
above the newest call known here get ENOSYS, so that a newer libc falls back instead of failing on EPERM.
"""

from __future__ import annotations

import errno
import logging
import os
import platform
import re
import socket
import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta

from sandboxd.linux.seccomp import KILL, X32_SYSCALL_BIT, Filter

log = logging.getLogger(__name__)

# Newer than libseccomp 2.5.4; the numbers are those of the kernel's unified table.
_NEWER_CALLS = {
    "statmount": 457,
    "listmount": 458,
    "mseal": 462,
    "setxattrat": 463,
    "getxattrat": 464,
    "listxattrat": 465,
    "removexattrat": 466,
}
_NEWER_CALLS_X86_64 = {"uretprobe": 335}
_FOREIGN_ARCHES = {"x86_64": "X86", "aarch64": "ARM"}
_MOST_CALLS = 530  # the kernel's tables end in the four hundred and sixties
_ARCH_NAMES = {"x86_64": "amd64", "aarch64": "arm64"}
_OPS = {
    "SCMP_CMP_NE": "NE",
    "SCMP_CMP_LT": "LT",
    "SCMP_CMP_LE": "LE",
    "SCMP_CMP_EQ": "EQ",
    "SCMP_CMP_GE": "GE",
    "SCMP_CMP_GT": "GT",
    "SCMP_CMP_MASKED_EQ": "MASKED_EQ",
}
_DEADLY = ("SCMP_ACT_KILL", "SCMP_ACT_KILL_THREAD", "SCMP_ACT_KILL_PROCESS", "SCMP_ACT_TRAP")
_ALLOWING = ("SCMP_ACT_ALLOW", "SCMP_ACT_LOG")
_ALLOW = "allow"
_MOST_ERRNO = 4095  # what the kernel takes from a filter: MAX_ERRNO, linux/err.h
_MOST_ARGUMENT = (1 << 64) - 1  # ctypes would cut a larger one, and the rule would be for another value
_MOST_INSTRUCTIONS = 4096  # BPF_MAXINSNS, linux/bpf_common.h
_INSTRUCTION = struct.Struct("=HBBI")  # struct sock_filter, linux/filter.h
_UNKNOWN = re.compile(r"Object contains unknown field `([^`]*)`")
# What init calls after it has loaded the filter: a policy without these could start nothing.
_NEEDED_BY_INIT = (
    "clock_gettime",
    "close",
    "dup3",
    "execve",
    "exit_group",
    "faccessat",
    "fchmod",
    "fcntl",
    "getrusage",
    "getuid",
    "ioctl",
    "kill",
    "mkdirat",
    "mmap",
    "munmap",
    "newfstatat",
    "openat",
    "pidfd_open",
    "prctl",
    "pread64",
    "prlimit64",
    "recvmsg",
    "rt_sigprocmask",
    "sendfile",
    "sendmsg",
    "setresuid",
    "setsid",
    "unlinkat",
    "wait4",
)
_NEEDED_BY_TEMPLATES = (
    "capset",
    "landlock_add_rule",
    "landlock_create_ruleset",
    "landlock_restrict_self",
    "poll",
    "ppoll",
    "prctl",
    "seccomp",
    "setgroups",
    "setns",
)
_TOO_MUCH_FOR_TEMPLATES = (
    "bpf",
    "chroot",
    "clone3",  # whose flags no filter sees
    "fsconfig",
    "fsmount",
    "fsopen",
    "fspick",
    "io_uring_setup",
    "mount",
    "mount_setattr",
    "move_mount",
    "open_by_handle_at",
    "open_tree",
    "pidfd_getfd",
    "pivot_root",
    "process_vm_readv",
    "process_vm_writev",
    "ptrace",
    "unshare",
)
# Those of linux/sched.h that a filter sees: NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET.
_CLONE_NAMESPACES = 0x7E020000
_SOCK_TYPE_MASK = 0xF  # beside it are SOCK_CLOEXEC and SOCK_NONBLOCK: linux/net.h
_PLAIN_TYPES = (socket.SOCK_STREAM, socket.SOCK_DGRAM)
_PLAIN_PROTOCOLS = (0, socket.IPPROTO_TCP, socket.IPPROTO_UDP)

_T = TypeVar("_T")


class InvalidProfile(ValueError):
    """The profile is wrong; the message names the rule."""


class _Condition(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """On one argument of a call."""

    index: Annotated[int, Meta(ge=0, le=5)]
    op: str
    value: int
    value_two: int | None = msgspec.field(default=None, name="valueTwo")


class _Machines(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """For which machines and containers a rule is, or is not."""

    arches: tuple[str, ...] | None = None
    caps: tuple[str, ...] | None = None
    min_kernel: Annotated[str, Meta(pattern=r"^[0-9]{1,9}\.[0-9]{1,9}([.-].*)?$")] | None = msgspec.field(
        default=None, name="minKernel"
    )


class _Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A rule as it is written: one action for several calls. What is null is as good as absent."""

    action: str
    name: str | None = None
    names: tuple[str, ...] | None = None
    args: tuple[_Condition, ...] | None = None
    comment: str | None = None
    includes: _Machines | None = None
    excludes: _Machines | None = None
    errno_ret: int | str | None = msgspec.field(default=None, name="errnoRet")
    errno: int | str | None = None


class _Profile(msgspec.Struct, frozen=True):
    """What is read of a profile; the rest is for runtimes that know several architectures."""

    default_action: str = msgspec.field(name="defaultAction")
    default_errno_ret: int | str | None = msgspec.field(default=None, name="defaultErrnoRet")
    default_errno: int | str | None = msgspec.field(default=None, name="defaultErrno")
    syscalls: tuple[Any, ...] | None = None


@dataclass(frozen=True, slots=True)
class _Rule:
    """One call with one action."""

    name: str
    number: int
    answer: str | int
    args: tuple[tuple[int, str, int, int], ...]


def compile_profile(profile: Any) -> Filter:
    """Compile a profile, as JSON has it. InvalidProfile says what is wrong with it."""
    import pyseccomp  # noqa: PLC0415  (0.05 s: only where policies are compiled)

    if isinstance(profile, dict) and "defaultAction" not in profile:
        raise InvalidProfile("defaultAction: missing")
    written = _convert(profile, _Profile, "profile")
    default = _answer(written.default_action, _first(written.default_errno, written.default_errno_ret), "defaultAction")
    names = _call_names(pyseccomp)
    numbers = {name: number for number, name in names.items()}
    rules = list(_rules(written.syscalls or (), numbers))
    _check_init_can_live(rules, default)
    answers = {rule.name: rule.answer for rule in rules if rule.answer != _ALLOW}
    newest = max(numbers.values())
    return Filter(
        bpf=_compile(pyseccomp, rules, default, newest),
        audit_bpf=_compile(pyseccomp, rules, default, newest, refusal=pyseccomp.NOTIFY),
        template_bpf=_compile(
            pyseccomp, [*_for_a_template(rules, numbers)], default, newest, refusal=pyseccomp.TRACE(0)
        ),
        names=names,
        foreign_names=_names(pyseccomp, getattr(pyseccomp.Arch, _FOREIGN_ARCHES[platform.machine()])),
        answers=answers,
        default=default,
        holds_templates=default != _ALLOW and not any(map(_is_too_much_for_a_template, rules)),
        plain_sockets=default != _ALLOW and not any(map(_makes_other_sockets, rules)),
    )


def _call_names(library: Any) -> dict[int, str]:
    """Return all calls of this machine by number, as libseccomp and the table above know them."""
    newer = {**_NEWER_CALLS, **(_NEWER_CALLS_X86_64 if platform.machine() == "x86_64" else {})}
    return {**{number: name for name, number in newer.items()}, **_names(library, library.Arch.NATIVE)}


def _names(library: Any, arch: Any) -> dict[int, str]:
    """Return what libseccomp knows of an ABI's calls."""
    names = {}
    for number in range(_MOST_CALLS):
        try:
            name = library.resolve_syscall(arch, number)
        except (OSError, ValueError):
            continue
        if name:
            names[number] = name.decode() if isinstance(name, bytes) else name
    return names


def _convert(value: Any, into: type[_T], where: str) -> _T:
    try:
        return msgspec.convert(value, into)
    except msgspec.ValidationError as error:
        complaint = _UNKNOWN.sub(r"unknown key '\1'", str(error))
        raise InvalidProfile(f"{where}: {complaint}") from error


def _first(*values: int | str | None) -> int | str | None:
    return next((value for value in values if value is not None), None)


def _rules(entries: Sequence[Any], numbers: Mapping[str, int]) -> Iterator[_Rule]:
    for index, value in enumerate(entries):
        where = f"syscalls[{index}]"
        entry = _convert(value, _Entry, where)
        names = entry.names or ((entry.name,) if entry.name else ())
        if not names:
            raise InvalidProfile(f"{where}: names: missing")
        conditions = list(_split(entry.args or (), where))
        answer = _answer(entry.action, _first(entry.errno, entry.errno_ret), where)
        if not _applies(entry):
            continue
        for name in names:
            if name not in numbers:
                log.debug("%s: this machine has no system call %s", where, name)
                continue
            for args in conditions:
                yield _Rule(name, numbers[name], answer, args)


def _applies(entry: _Entry) -> bool:
    """Whether a rule is for this kernel and architecture, and for a container without any capability."""
    includes, excludes = entry.includes or _Machines(), entry.excludes or _Machines()
    arch = _ARCH_NAMES[platform.machine()]
    if includes.caps or arch in (excludes.arches or ()):
        return False
    if includes.arches and arch not in includes.arches:
        return False
    if excludes.min_kernel is not None and _kernel() >= _version(excludes.min_kernel):
        return False
    return _kernel() >= _version(includes.min_kernel or "0.0")


def _kernel() -> tuple[int, int]:
    return _version(platform.release())


def _version(text: str) -> tuple[int, int]:
    major, minor = text.split("-", maxsplit=1)[0].split(".")[:2]
    return int(major), int(minor)


def _answer(action: str, code: int | str | None, where: str) -> str | int:
    """Return what is answered; the errno is a number or, as Podman's profiles have it, a name."""
    if action in _ALLOWING:
        return _ALLOW
    if action in _DEADLY:
        return KILL
    if action != "SCMP_ACT_ERRNO":
        raise InvalidProfile(f"{where}: action {action!r} is not supported")
    if code is None:
        return errno.EPERM
    number = getattr(errno, code, None) if isinstance(code, str) else code
    if not isinstance(number, int) or not 0 <= number <= _MOST_ERRNO:
        raise InvalidProfile(f"{where}: no such errno: {code!r}")
    return number


def _split(args: Sequence[_Condition], where: str) -> Iterator[tuple[tuple[int, str, int, int], ...]]:
    """Conditions are joined by AND; of those on the same argument each makes a rule of its own, as runc does."""
    parsed = []
    for arg in args:
        op = _OPS.get(arg.op)
        if op is None:
            raise InvalidProfile(f"{where}: operator {arg.op!r} is unknown")
        values = arg.value, arg.value_two or 0
        if not all(0 <= value <= _MOST_ARGUMENT for value in values):
            raise InvalidProfile(f"{where}: a value is not within 0 and {_MOST_ARGUMENT}")
        parsed.append((arg.index, op, *values))
    if len({arg[0] for arg in parsed}) == len(parsed):
        yield tuple(parsed)
    else:
        for condition in parsed:
            yield (condition,)


def _makes_other_sockets(rule: _Rule) -> bool:
    """Whether a rule allows sockets other than those of Unix, TCP and UDP, or a ring, which makes any past the filter."""
    if rule.answer != _ALLOW or rule.name not in ("socket", "socketpair", "io_uring_setup"):
        return False
    equal = {index: value for index, op, value, _ in rule.args if op == "EQ"}
    if equal.get(0) == socket.AF_UNIX:
        return False
    of_ip = equal.get(0) in (socket.AF_INET, socket.AF_INET6) and equal.get(2) in _PLAIN_PROTOCOLS
    return not (of_ip and any((1, "MASKED_EQ", _SOCK_TYPE_MASK, kind) in rule.args for kind in _PLAIN_TYPES))


def _is_too_much_for_a_template(rule: _Rule) -> bool:
    """Whether a rule allows what would have a template out of its filter, its namespaces or its root."""
    if rule.answer != _ALLOW:
        return False
    return rule.name in _TOO_MUCH_FOR_TEMPLATES or (rule.name == "clone" and not _makes_no_namespaces(rule))


def _makes_no_namespaces(rule: _Rule) -> bool:
    return any(
        index == 0 and op == "MASKED_EQ" and mask & _CLONE_NAMESPACES == _CLONE_NAMESPACES and not value & mask
        for index, op, mask, value in rule.args
    )


def _check_init_can_live(rules: Sequence[_Rule], default: str | int) -> None:
    allowed = {rule.name for rule in rules if rule.answer == _ALLOW}
    refused = {rule.name for rule in rules if rule.answer != _ALLOW and not rule.args}
    for name in (*_NEEDED_BY_INIT, "clone"):
        if name in refused or (default != _ALLOW and name not in allowed):
            raise InvalidProfile(f"{name} must be allowed: the container's init needs it")


def _for_a_template(rules: Sequence[_Rule], numbers: Mapping[str, int]) -> Iterator[_Rule]:
    """Yield the rules, and those of what a template does and no program may: enter namespaces, build walls."""
    yield from (rule for rule in rules if rule.name not in _NEEDED_BY_TEMPLATES)
    yield from (_Rule(name, numbers[name], _ALLOW, ()) for name in _NEEDED_BY_TEMPLATES if name in numbers)


def _compile(
    library: Any, rules: Sequence[_Rule], default: str | int, newest: int, *, refusal: Any | None = None
) -> bytes:
    """Compile the rules; with ``refusal``, all that is not allowed is answered so."""

    def action(answer: str | int) -> Any:
        if answer == _ALLOW:
            return library.ALLOW
        if refusal is not None:
            return refusal
        return library.NOTIFY if answer == KILL else library.ERRNO(answer)

    compiled = library.SyscallFilter(action(default))
    compiled.set_attr(library.Attr.ACT_BADARCH, library.NOTIFY if refusal is None else refusal)
    compiled.set_attr(library.Attr.CTL_OPTIMIZE, 2)
    for rule in rules:
        if action(rule.answer) != action(default):
            args = [library.Arg(index, getattr(library, op), *_values(op, a, b)) for index, op, a, b in rule.args]
            compiled.add_rule(action(rule.answer), rule.number, *args)
    with os.fdopen(os.memfd_create("bpf", os.MFD_CLOEXEC), "w+b", buffering=0) as file:
        compiled.export_bpf(file)
        file.seek(0)
        program = _enosys_above(newest) + file.read()
    if len(program) > _MOST_INSTRUCTIONS * _INSTRUCTION.size:
        raise InvalidProfile(f"the kernel takes {_MOST_INSTRUCTIONS} instructions: {len(program) // _INSTRUCTION.size}")
    return program


def _values(op: str, first: int, second: int) -> tuple[int, ...]:
    return (first, second) if op == "MASKED_EQ" else (first,)


def _enosys_above(newest: int) -> bytes:
    """Four instructions in front: load the number; above the newest and below x32's, return ENOSYS. linux/filter.h."""
    load_word_absolute, jump_greater_equal, jump_greater, return_constant = 0x20, 0x35, 0x25, 0x06
    seccomp_ret_errno = 0x00050000
    instructions = (
        (load_word_absolute, 0, 0, 0),
        (jump_greater, 0, 2, newest),
        (jump_greater_equal, 1, 0, X32_SYSCALL_BIT),
        (return_constant, 0, 0, seccomp_ret_errno | errno.ENOSYS),
    )
    return b"".join(_INSTRUCTION.pack(*instruction) for instruction in instructions)
