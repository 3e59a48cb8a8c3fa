"""Who a template may become: asked of the instructions themselves, by what a filter of the kernel's would do with them."""

from __future__ import annotations

import errno
import struct

import pytest

from sandboxd.linux import seccomp_identities
from sandboxd.linux.seccomp import AUDIT_ARCHES
from sandboxd.linux.seccomp_identities import no_ways_around, only_these_users

OWN, FIRST, COUNT, STRIDE = 1000, 0x70000000, 4, 65536
SETUID, SETREUID, SETRESUID, SETFSUID, GETUID = 105, 113, 117, 122, 102
AS_IT_IS = 0xFFFFFFFF
LAST = FIRST + (COUNT - 1) * STRIDE
PASSED, REFUSED = "passed", errno.EPERM
NATIVE = AUDIT_ARCHES["x86_64"]


@pytest.fixture(autouse=True)
def x86_64(monkeypatch):
    """Whatever the machine is, the numbers are those of x86-64."""
    monkeypatch.setattr(seccomp_identities.platform, "machine", lambda: "x86_64")


def decide(program, number, *arguments, arch=NATIVE):
    """Do what a filter does with a call: the errno that it answers, or that it goes on to what follows."""
    instructions = list(struct.iter_unpack("=HBBI", program))
    words = struct.unpack("<16I", struct.pack("<IIQ6Q", number, arch, 0, *arguments, *[0] * (6 - len(arguments))))
    a = x = place = 0
    memory = {}
    while place < len(instructions):
        code, jump_true, jump_false, k = instructions[place]
        place += 1
        match code:
            case 0x20:
                a = words[k // 4]
            case 0x60:
                a = memory[k]
            case 0x02:
                memory[k] = a
            case 0x07:
                x = a
            case 0x14:
                a = (a - k) & 0xFFFFFFFF
            case 0x24:
                a = (a * k) & 0xFFFFFFFF
            case 0x34:
                a //= k
            case 0x54:
                a &= k
            case 0x05:
                place += k
            case 0x06:
                assert k >> 16 == 5, "SECCOMP_RET_ERRNO"
                return k & 0xFFFF
            case _:
                true = {0x15: a == k, 0x1D: a == x, 0x25: a > k, 0x35: a >= k}[code]
                place += jump_true if true else jump_false
    return PASSED


@pytest.mark.parametrize(
    ("number", "arguments", "answer"),
    [
        (SETUID, (OWN,), PASSED),
        (SETUID, (0,), REFUSED),
        (SETUID, (FIRST,), REFUSED),
        (SETUID, (AS_IT_IS,), PASSED),
        (SETREUID, (OWN, AS_IT_IS), PASSED),
        (SETREUID, (OWN, 0), REFUSED),
        (SETREUID, (0, OWN), REFUSED),
        (SETREUID, (FIRST, FIRST), REFUSED),
        (SETRESUID, (OWN, OWN, OWN), PASSED),
        (SETRESUID, (AS_IT_IS, AS_IT_IS, AS_IT_IS), PASSED),
        (SETRESUID, (FIRST, FIRST, FIRST), PASSED),
        (SETRESUID, (FIRST, LAST, FIRST), PASSED),
        (SETRESUID, (0, 0, 0), REFUSED),
        (SETRESUID, (OWN, OWN, 0), REFUSED),
        (SETRESUID, (FIRST, FIRST, 0), REFUSED),
        (SETRESUID, (FIRST, OWN, FIRST), REFUSED),
        (SETRESUID, (FIRST + OWN, FIRST + OWN, FIRST + OWN), REFUSED),
        (SETRESUID, (FIRST, FIRST, FIRST + 1), REFUSED),
        (SETRESUID, (FIRST - STRIDE, FIRST, FIRST), REFUSED),
        (SETRESUID, (FIRST, LAST + STRIDE, FIRST), REFUSED),
        (SETFSUID, (OWN,), PASSED),
        (SETFSUID, (AS_IT_IS,), PASSED),
        (SETFSUID, (0,), REFUSED),
        (GETUID, (0,), PASSED),
    ],
)
def test_who_it_may_become(number, arguments, answer):
    assert answer == decide(only_these_users(OWN, FIRST, COUNT, STRIDE), number, *arguments)


def test_owners_that_are_three_apart():
    program = only_these_users(OWN, 100, 5, 3)

    allowed = [uid for uid in range(200) if decide(program, SETRESUID, uid, uid, uid) == PASSED]
    assert [100, 103, 106, 109, 112] == allowed


def test_bits_that_the_kernel_does_not_look_at_hide_nothing():
    program = only_these_users(OWN, FIRST, COUNT, STRIDE)

    assert REFUSED == decide(program, SETUID, OWN << 32)
    assert PASSED == decide(program, SETUID, 1 << 32 | OWN)


@pytest.mark.parametrize("program", ["only_these_users", "no_ways_around"])
def test_calls_of_another_abi_are_left_to_what_follows(program):
    """Their numbers are others: setresuid's is ipc there. The policy's filter has an answer for all of them, which programs of forks must have, too."""
    pieces = {"only_these_users": lambda: only_these_users(OWN, FIRST, COUNT, STRIDE), "no_ways_around": no_ways_around}

    for number in (SETRESUID, 208, 346, GETUID):  # of i386: setresuid32, setns
        assert PASSED == decide(pieces[program](), number, 0, 0, 0, arch=0x40000003)


IOCTL, TCGETS, RECV, SEND, ADDFD = 16, 0x5401, 0xC0502100, 0xC0182101, 0x40182103
SETNS, GET_MNT_NAMESPACE, NS_GET_USERNS, NS_MNT_GET_NEXT = 308, 0xFF03, 0xB701, 0x8010B70B


@pytest.mark.parametrize(
    ("number", "asked", "answer"),
    [
        (IOCTL, RECV, REFUSED),
        (IOCTL, SEND, REFUSED),
        (IOCTL, ADDFD, REFUSED),
        (IOCTL, 1 << 32 | SEND, REFUSED),
        (IOCTL, GET_MNT_NAMESPACE, REFUSED),
        (IOCTL, NS_GET_USERNS, REFUSED),
        (IOCTL, NS_MNT_GET_NEXT, REFUSED),
        (IOCTL, TCGETS, PASSED),
        (GETUID, SEND, PASSED),
        (SETNS, 0, PASSED),
        (SETNS, 1 << 32, PASSED),
        (SETNS, 0x10000000, REFUSED),
        (SETNS, 0x20000, REFUSED),
    ],
)
def test_notifications_are_not_answered_and_namespaces_entered_only_by_their_own_descriptors(number, asked, answer):
    """The kernel looks at 32 bits of a request, and of a kind."""
    assert answer == decide(no_ways_around(), number, 3, asked)
