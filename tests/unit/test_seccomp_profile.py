"""Profiles in Docker's and OCI's format, compiled, loaded into a process of its own, and asked by calls with bad arguments.

A call that goes through fails with EBADF or EFAULT, so that nothing ever happens. Without a supervisor the kernel answers
ENOSYS to a call that the policy answers with death.
"""

from __future__ import annotations

import ctypes
import errno
import json
import os
import platform
import socket
from pathlib import Path

import pytest

from sandboxd.linux import seccomp
from sandboxd.linux.calls import filter_system_calls, forbid_new_privileges
from sandboxd.linux.seccomp_profile import _NEEDED_BY_INIT, InvalidProfile, compile_profile
from sandboxd.runtime.policy import default_directory
from tests.performing import perform

pytestmark = pytest.mark.skipif(platform.machine() != "x86_64", reason="the numbers are those of x86-64")

ALLOW, ERRNO, KILL = "SCMP_ACT_ALLOW", "SCMP_ACT_ERRNO", "SCMP_ACT_KILL_PROCESS"
READ, DUP, FTRUNCATE, SOCKET, MOUNT, KEXEC_LOAD, CLOSE_RANGE = 0, 32, 77, 41, 165, 246, 436
BASE = {"names": [*_NEEDED_BY_INIT, "clone", "exit", "write", "futex", "brk", "mprotect"], "action": ALLOW}


def profile(*rules, default=ERRNO, **options):
    """Return a profile with what a process needs, and rules."""
    return {"defaultAction": default, "syscalls": [BASE, *rules], **options}


def condition(*values, **fields):
    """Return a profile with a rule that has one condition, or one for each value."""
    args = [{"index": 0, "value": value, "op": "SCMP_CMP_EQ", **fields} for value in values or (900,)]
    return profile({"names": ["dup"], "action": ALLOW, "args": args})


def answers(compiled, *calls, audit=False):
    """Load a filter in a child and return the errno of each call there; 0 is none."""
    reading, writing = os.pipe()
    if (pid := os.fork()) == 0:
        try:
            libc = ctypes.CDLL(None, use_errno=True)
            perform(forbid_new_privileges)
            bpf = compiled.audit_bpf if audit else compiled.bpf
            perform(lambda script: filter_system_calls(script, bpf, None))
            found = []
            for number, *arguments in calls:
                ctypes.set_errno(0)
                libc.syscall(ctypes.c_long(number), *(ctypes.c_long(argument) for argument in arguments))
                found.append(ctypes.get_errno())
            os.write(writing, json.dumps(found).encode())
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as file:
        told = file.read()
    os.waitpid(pid, 0)
    return [errno.errorcode.get(code, "done") for code in json.loads(told)]


def test_allowed_refused_and_deadly():
    rules = {"names": ["dup"], "action": ALLOW}, {"names": ["kexec_load"], "action": KILL}
    compiled = compile_profile(profile(*rules))

    assert ["EBADF", "EPERM", "ENOSYS"] == answers(compiled, (DUP, 999), (FTRUNCATE, 999, 0), (KEXEC_LOAD, 0, 0, 0, 0))


def test_the_default_policy_has_plain_sockets_alone():
    assert compile_profile(json.loads((default_directory() / "default.json").read_text())).plain_sockets


def equal(index, value):
    return {"index": index, "value": int(value), "op": "SCMP_CMP_EQ"}


STREAM = {"index": 1, "value": 15, "valueTwo": 1, "op": "SCMP_CMP_MASKED_EQ"}


@pytest.mark.parametrize(
    ("rule", "plain"),
    [
        ({"names": ["socket", "socketpair"], "args": [equal(0, socket.AF_UNIX)]}, True),
        ({"names": ["socket"], "args": [equal(0, socket.AF_INET6), STREAM, equal(2, 0)]}, True),
        ({"names": ["dup"]}, True),
        ({"names": ["socket"]}, False),
        ({"names": ["socketpair"]}, False),
        ({"names": ["io_uring_setup"]}, False),
        ({"names": ["socket"], "args": [equal(0, socket.AF_NETLINK)]}, False),
        ({"names": ["socket"], "args": [equal(0, socket.AF_INET)]}, False),
        ({"names": ["socket"], "args": [equal(0, socket.AF_INET), equal(2, 0)]}, False),  # SOCK_SEQPACKET is SCTP
        ({"names": ["socket"], "args": [equal(0, socket.AF_INET), STREAM]}, False),  # MPTCP
        ({"names": ["socket"], "args": [equal(0, socket.AF_INET), STREAM, equal(2, 132)]}, False),
        ({"names": ["socket"], "args": [{**equal(0, socket.AF_UNIX), "op": "SCMP_CMP_NE"}]}, False),
    ],
    ids=str,
)
def test_policies_that_allow_other_sockets_are_known(rule, plain):
    assert plain is compile_profile(profile({**rule, "action": ALLOW})).plain_sockets


NO_NAMESPACES = {"index": 0, "value": 0x7E020000, "valueTwo": 0, "op": "SCMP_CMP_MASKED_EQ"}


@pytest.mark.parametrize(
    ("rule", "holds"),
    [
        ({"names": ["getpid"]}, True),
        ({"names": ["clone"], "args": [NO_NAMESPACES]}, True),
        ({"names": ["clone"], "args": [{**NO_NAMESPACES, "value": 0x7C020000}]}, False),
        ({"names": ["clone"], "args": [{**NO_NAMESPACES, "valueTwo": 0x10000000}]}, False),
        ({"names": ["clone"], "args": [{**NO_NAMESPACES, "index": 1}]}, False),
        ({"names": ["ptrace"]}, False),
        ({"names": ["ptrace"], "args": [equal(0, 0)]}, False),
        ({"names": ["clone3"]}, False),
        ({"names": ["unshare"]}, False),
        ({"names": ["mount"]}, False),
    ],
    ids=str,
)
def test_policies_under_which_there_are_no_templates_are_known(rule, holds):
    without = {"names": ["clone"], "args": [NO_NAMESPACES], "action": ALLOW}
    base = {**BASE, "names": [name for name in BASE["names"] if name != "clone"]}
    compiled = compile_profile({**profile(), "syscalls": [base, without, {**rule, "action": ALLOW}]})

    assert holds is compiled.holds_templates


def test_a_policy_that_allows_by_default_has_no_templates():
    assert not compile_profile(profile(default=ALLOW)).holds_templates


def test_a_policy_that_allows_by_default_allows_all_sockets():
    assert not compile_profile(profile(default=ALLOW)).plain_sockets


@pytest.mark.parametrize("action", ["SCMP_ACT_KILL", "SCMP_ACT_KILL_THREAD", "SCMP_ACT_KILL_PROCESS", "SCMP_ACT_TRAP"])
def test_every_form_of_death_is_one(action):
    compiled = compile_profile(profile({"names": ["mount"], "action": action}))

    assert seccomp.KILL == seccomp.answer_to(compiled, "mount")
    assert ["ENOSYS"] == answers(compiled, (MOUNT, 0, 0, 0, 0, 0))


@pytest.mark.parametrize(
    ("options", "rule", "expected"),
    [
        ({}, {}, "EPERM"),
        ({"defaultErrnoRet": errno.ENOSYS}, {}, "ENOSYS"),
        ({}, {"names": ["ftruncate"], "action": ERRNO, "errnoRet": errno.EXDEV}, "EXDEV"),
        ({}, {"names": ["ftruncate"], "action": ERRNO, "errnoRet": 0}, "done"),
        # As Podman's profiles have it.
        ({}, {"names": ["ftruncate"], "action": ERRNO, "errnoRet": 1, "errno": "EXDEV"}, "EXDEV"),
        ({"defaultErrnoRet": 1, "defaultErrno": "ENOSYS"}, {}, "ENOSYS"),
        ({"default": ALLOW}, {"names": ["ftruncate"], "action": ERRNO}, "EPERM"),
        ({"default": ALLOW}, {}, "EBADF"),
        ({}, {"names": ["ftruncate"], "action": "SCMP_ACT_LOG"}, "EBADF"),
        ({}, {"name": "ftruncate", "action": ALLOW}, "EBADF"),
    ],
)
def test_errno(options, rule, expected):
    compiled = compile_profile(profile(*([rule] if rule else []), **options))

    assert [expected] == answers(compiled, (FTRUNCATE, 999, 0))


@pytest.mark.parametrize(
    ("args", "through", "refused"),
    [
        ([{"index": 0, "value": 900, "op": "SCMP_CMP_EQ"}], [900], [899, 901, (1 << 32) + 900]),
        ([{"index": 0, "value": 900, "op": "SCMP_CMP_NE"}], [899], [900]),
        ([{"index": 0, "value": 900, "op": "SCMP_CMP_GT"}], [901], [900]),
        ([{"index": 0, "value": 900, "op": "SCMP_CMP_GE"}], [900], [899]),
        ([{"index": 0, "value": 900, "op": "SCMP_CMP_LT"}], [899], [900]),
        ([{"index": 0, "value": 900, "op": "SCMP_CMP_LE"}], [900], [901]),
        ([{"index": 0, "value": 0xFF0, "valueTwo": 0x3F0, "op": "SCMP_CMP_MASKED_EQ"}], [0x3F5], [0x3E5]),
        # Two conditions on one argument are alternatives, as runc has it.
        ([{"index": 0, "value": n, "op": "SCMP_CMP_EQ"} for n in (900, 905)], [900, 905], [901]),
    ],
)
def test_conditions_on_one_argument(args, through, refused):
    compiled = compile_profile(profile({"names": ["ftruncate"], "action": ALLOW, "args": args}))

    assert ["EBADF"] * len(through) == answers(compiled, *((FTRUNCATE, value, 0) for value in through))
    assert ["EPERM"] * len(refused) == answers(compiled, *((FTRUNCATE, value, 0) for value in refused))


def test_conditions_on_several_arguments_must_all_hold():
    args = [{"index": 0, "value": 900, "op": "SCMP_CMP_EQ"}, {"index": 1, "value": 7, "op": "SCMP_CMP_EQ"}]
    compiled = compile_profile(profile({"names": ["ftruncate"], "action": ALLOW, "args": args}))

    assert ["EBADF", "EPERM", "EPERM"] == answers(
        compiled, (FTRUNCATE, 900, 7), (FTRUNCATE, 900, 8), (FTRUNCATE, 901, 7)
    )


@pytest.mark.parametrize(
    ("condition", "applies"),
    [
        ({"includes": {"minKernel": "4.8"}}, True),
        ({"includes": {"minKernel": "99.0"}}, False),
        ({"includes": {"arches": ["amd64"]}}, True),
        ({"includes": {"arches": ["s390x"]}}, False),
        ({"includes": {"caps": ["CAP_SYS_ADMIN"]}}, False),
        ({"excludes": {"caps": ["CAP_SYS_ADMIN"]}}, True),
        ({"excludes": {"arches": ["amd64"]}}, False),
        ({"excludes": {"minKernel": "4.8"}}, False),
        ({"excludes": {"minKernel": "99.0"}}, True),
        ({"excludes": {"arches": ["s390"]}}, True),
    ],
)
def test_rules_for_other_machines_kernels_and_containers(condition, applies):
    """Ours have no capability: a rule for those that have one is not for them."""
    compiled = compile_profile(profile({"names": ["ftruncate"], "action": ALLOW, **condition}))

    assert ["EBADF" if applies else "EPERM"] == answers(compiled, (FTRUNCATE, 999, 0))


def test_newer_calls_than_are_known_fall_back():
    """ENOSYS, and not the EPERM on which a new C library would give up; calls in between are the profile's."""
    compiled = compile_profile(profile({"names": ["mseal"], "action": ALLOW}))

    assert ["ENOSYS", "ENOSYS", "EPERM", "EINVAL"] == answers(
        compiled, (600, 0), (0x3FFFFFFF, 0), (CLOSE_RANGE, 5, 4, 0), (462, 1, 1, 1)
    )


def test_names_that_this_machine_does_not_have_are_passed_over():
    compile_profile(profile({"names": ["ftruncate", "riscv_hwprobe", "set_tls"], "action": ALLOW}))


@pytest.mark.parametrize("audit", [False, True])
def test_foreign_abis_are_answered_with_death(audit):
    """x32 calls have a bit in the number; without a supervisor they are ENOSYS, though the native call is allowed."""
    compiled = compile_profile(profile({"names": ["dup"], "action": ALLOW}))

    assert ["ENOSYS"] == answers(compiled, (DUP | seccomp.X32_SYSCALL_BIT, 999), audit=audit)


def test_calls_are_named():
    compiled = compile_profile(profile())
    native, foreign = seccomp.AUDIT_ARCHES["x86_64"], 0x40000003

    assert "mount" == seccomp.name_call(compiled, MOUNT, native)
    assert "syscall_600" == seccomp.name_call(compiled, 600, native)
    assert "x32:mount" == seccomp.name_call(compiled, MOUNT | seccomp.X32_SYSCALL_BIT, native)
    assert "i386:mount" == seccomp.name_call(compiled, 21, foreign)
    assert seccomp.KILL == seccomp.answer_to(compiled, "i386:mount")


def test_every_refused_call_is_told_when_asked():
    compiled = compile_profile(profile({"names": ["ftruncate"], "action": ERRNO, "errnoRet": errno.EXDEV}))

    assert ["ENOSYS", "ENOSYS"] == answers(compiled, (FTRUNCATE, 999, 0), (MOUNT, 0, 0, 0, 0, 0), audit=True)
    assert (errno.EXDEV, errno.EPERM) == (
        seccomp.answer_to(compiled, "ftruncate"),
        seccomp.answer_to(compiled, "mount"),
    )


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        ({"syscalls": []}, "defaultAction: missing"),
        (profile(default="SCMP_ACT_TRACE"), "action 'SCMP_ACT_TRACE' is not supported"),
        (profile({"names": ["dup"], "action": "SCMP_ACT_NOTIFY"}), r"syscalls\[1\]: action 'SCMP_ACT_NOTIFY'"),
        (profile({"names": ["dup"], "action": ALLOW, "wat": 1}), r"syscalls\[1\]: unknown key 'wat'"),
        (profile({"names": ["dup"], "action": ERRNO, "errno": "EWAT"}), r"syscalls\[1\]: no such errno: 'EWAT'"),
        (profile({"names": ["dup"], "action": ERRNO, "errnoRet": 4096}), r"syscalls\[1\]: no such errno: 4096"),
        (profile(defaultErrnoRet=-1), "defaultAction: no such errno: -1"),
        (
            profile({"names": ["dup"], "action": ALLOW, "args": [{"index": 0, "value": 1, "op": "EQ"}]}),
            r"syscalls\[1\]: operator 'EQ' is unknown",
        ),
        ([], "profile: Expected `object`, got `array`"),
        (profile(default=5), "profile: Expected `str`, got `int`"),
        ({"defaultAction": ALLOW, "syscalls": 5}, r"profile: Expected `array \| null`, got `int`"),
        (profile(5), r"syscalls\[1\]: Expected `object`, got `int`"),
        (profile([]), r"syscalls\[1\]: Expected `object`, got `array`"),
        (profile({"action": ALLOW}), r"syscalls\[1\]: names: missing"),
        (profile({"names": ["dup"]}), r"syscalls\[1\]: Object missing required field `action`"),
        (profile({"names": "dup", "action": ALLOW}), r"syscalls\[1\]: Expected `array \| null`, got `str`"),
        (profile({"names": ["dup"], "action": ALLOW, "includes": {"minkernel": "4.8"}}), "unknown key 'minkernel'"),
        (profile({"names": ["dup"], "action": ALLOW, "includes": {"minKernel": "5"}}), "Expected `str` matching regex"),
        (profile({"names": ["dup"], "action": ALLOW, "args": [{"index": 0, "op": "SCMP_CMP_EQ"}]}), "`value`"),
        (condition(index=6), "Expected `int` <= 5"),
        (condition(index=1 << 32), "Expected `int` <= 5"),
        (condition(value=(1 << 64) + 900), r"syscalls\[1\]: a value is not within 0 and"),
        (condition(value=-1), r"syscalls\[1\]: a value is not within 0 and"),
        (condition(valueTwo=1 << 64), r"syscalls\[1\]: a value is not within 0 and"),
        (condition(value="900"), "Expected `int`, got `str`"),
        (condition(*(value << 32 | value for value in range(1500))), "the kernel takes 4096 instructions"),
        ({"defaultAction": ERRNO, "syscalls": [{"names": ["read"], "action": ALLOW}]}, "must be allowed"),
        (profile({"names": ["execve"], "action": KILL}), "execve must be allowed"),
    ],
)
def test_what_is_wrong_is_named(wrong, text):
    with pytest.raises(InvalidProfile, match=text):
        compile_profile(wrong)


def test_the_shipped_profile_says_why_at_every_rule():
    shipped = json.loads((Path(__file__).parents[2] / "policies" / "default.json").read_text())

    assert all(len(rule.get("comment", "")) > 3 for rule in shipped["syscalls"])
