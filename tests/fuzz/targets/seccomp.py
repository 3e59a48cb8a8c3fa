"""A seccomp profile, in Docker's and OCI's JSON."""

from __future__ import annotations

import contextlib
import functools
import json
from typing import Any
from unittest import mock

from sandboxd.linux import seccomp, seccomp_profile
from sandboxd.linux.seccomp_profile import InvalidProfile, compile_profile

_INSTRUCTION_BYTES = 8
_MOST_INSTRUCTIONS = 4096  # BPF_MAXINSNS
_MOST_ERRNO = 4095
_BASE = {"names": [*seccomp_profile._NEEDED_BY_INIT, "clone"], "action": "SCMP_ACT_ALLOW"}
# Libseccomp is asked for a thousand names, which are the same each time.
_names = functools.cache(seccomp_profile._names)


def fuzz(data: bytes) -> None:
    """Compile any JSON to a filter that the kernel takes and in which init can live, or raise InvalidProfile.

    Tried as it is, and with what init needs in front, without which little would get far.
    """
    try:
        profile = json.loads(data)
    except (ValueError, RecursionError):
        return
    _check(profile)
    if isinstance(profile, dict) and isinstance(profile.get("syscalls"), list):
        _check({**profile, "syscalls": [_BASE, *profile["syscalls"]]})


def _check(profile: Any) -> None:
    with mock.patch.object(seccomp_profile, "_names", _names), contextlib.suppress(InvalidProfile):
        compiled = compile_profile(profile)
        for program in (compiled.bpf, compiled.audit_bpf):
            assert program
            assert len(program) % _INSTRUCTION_BYTES == 0
            assert len(program) // _INSTRUCTION_BYTES <= _MOST_INSTRUCTIONS
        for answer in (compiled.default, *compiled.answers.values()):
            assert answer in (seccomp.KILL, seccomp_profile._ALLOW) or 0 <= answer <= _MOST_ERRNO, answer
        for rule in profile.get("syscalls") or ():
            for condition in rule.get("args") or ():
                numbers = condition["index"], condition["value"], condition.get("valueTwo") or 0
                assert all(type(number) is int for number in numbers), condition
                assert 0 <= numbers[0] < 6, condition
                assert all(0 <= number < 1 << 64 for number in numbers[1:]), condition
