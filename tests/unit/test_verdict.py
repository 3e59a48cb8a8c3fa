"""The verdict is a function of facts: each with its evidence, and of several the first by the documented order."""

from __future__ import annotations

import errno
import signal
from dataclasses import replace
from itertools import combinations

import pytest

from sandboxd.model import MIB, SECOND_NS, FaultDomain, Limits, Output, Phase, Usage, Verdict
from sandboxd.runtime.outcome import Killed, Outcome
from sandboxd.service.verdict import fault_domain, judge, no_room

LIMITS = Limits(
    cpu_time_ns=SECOND_NS,
    wall_time_ns=2 * SECOND_NS,
    memory_bytes=64 * MIB,
    cpu_shares=1024,
    cpus=1.0,
    processes=8,
    output_bytes=100,
    disk_bytes=MIB,
    open_files=16,
    file_size_bytes=MIB,
    stack_bytes=MIB,
)
INODES = 1000
FINE = Outcome(
    wait_status=0,
    exec_errno=None,
    exec_missing=False,
    killed=None,
    lost="",
    blocked_syscall="",
    refused_syscalls=(),
    process_refusals=0,
    full="",
    stdout=Output(),
    stderr=Output(),
    usage=Usage(cpu_time_ns=1, wall_time_ns=1, memory_peak_bytes=MIB, oom_kills=0),
)
EXIT_3, BY_SIGTERM, BY_SIGKILL = 3 << 8, int(signal.SIGTERM), int(signal.SIGKILL)


def usage(**figures):
    return {"usage": replace(FINE.usage, **figures)}


# What makes each verdict, in the order of precedence. Every one of them but the last two can be true with any other.
FACTS = {
    Verdict.INTERNAL_ERROR: {"lost": "init ended before the program did"},
    Verdict.CANCELLED: {"killed": Killed.CANCELLED},
    Verdict.SECURITY_VIOLATION: {"killed": Killed.SECURITY, "blocked_syscall": "mount"},
    Verdict.MEMORY_LIMIT: usage(oom_kills=1, memory_peak_bytes=64 * MIB),
    Verdict.OUTPUT_LIMIT: {"stdout": Output(total_bytes=60), "stderr": Output(total_bytes=41)},
    Verdict.CPU_TIME_LIMIT: usage(cpu_time_ns=SECOND_NS + 1),
    Verdict.WALL_TIME_LIMIT: usage(wall_time_ns=2 * SECOND_NS + 1),
    Verdict.DISK_LIMIT: {"full": "bytes", "wait_status": EXIT_3},
    Verdict.PROCESS_LIMIT: {"process_refusals": 1, "wait_status": EXIT_3},
    Verdict.SIGNALED: {"wait_status": BY_SIGTERM},
    Verdict.NONZERO_EXIT: {"wait_status": EXIT_3},
    Verdict.OK: {},
}


def given(*facts, phase=Phase.RUN, program="./main"):
    """Judge an outcome with these facts."""
    merged = {}
    for fact in facts:
        figures = fact.get("usage")
        if figures is not None and "usage" in merged:
            default = FINE.usage
            changed = {
                name: getattr(figures, name)
                for name in ("cpu_time_ns", "wall_time_ns", "memory_peak_bytes", "oom_kills")
                if getattr(figures, name) != getattr(default, name)
            }
            merged["usage"] = replace(merged["usage"], **changed)
        else:
            merged = {**merged, **fact}
    return judge(phase, program, LIMITS, INODES, replace(FINE, **merged))


@pytest.mark.parametrize("verdict", FACTS, ids=lambda verdict: verdict.name)
def test_each_has_its_evidence(verdict):
    assert verdict is given(FACTS[verdict]).verdict


@pytest.mark.parametrize(
    ("first", "second"),
    [pair for pair in combinations(FACTS, 2) if pair != (Verdict.CANCELLED, Verdict.SECURITY_VIOLATION)],
    ids=lambda verdict: verdict.name,
)
def test_the_first_of_two_is_given(first, second):
    """Whichever way round the facts come. (Of two reasons to kill there is only ever the first.)"""
    assert first is given(FACTS[second], FACTS[first]).verdict


@pytest.mark.parametrize("verdict", Verdict, ids=lambda verdict: verdict.name)
def test_every_verdict_has_a_fault_domain(verdict):
    expected = {
        Verdict.INTERNAL_ERROR: FaultDomain.PLATFORM,
        Verdict.CANCELLED: FaultDomain.CALLER,
        **dict.fromkeys((v for v in Verdict if v.name.endswith("_LIMIT")), FaultDomain.LIMIT),
    }

    assert expected.get(verdict, FaultDomain.PROGRAM) is fault_domain(verdict)


@pytest.mark.parametrize(
    ("fact", "limit", "allowed", "observed"),
    [
        (FACTS[Verdict.MEMORY_LIMIT], "memory_bytes", 64 * MIB, 64 * MIB),
        ({"killed": Killed.THRASHING}, "memory_bytes", 64 * MIB, 64 * MIB),
        (FACTS[Verdict.OUTPUT_LIMIT], "output_bytes", 100, 101),
        (FACTS[Verdict.CPU_TIME_LIMIT], "cpu_time", SECOND_NS, SECOND_NS + 1),
        (FACTS[Verdict.WALL_TIME_LIMIT], "wall_time", 2 * SECOND_NS, 2 * SECOND_NS + 1),
        (FACTS[Verdict.DISK_LIMIT], "disk_bytes", MIB, MIB),
        ({"full": "inodes", "wait_status": EXIT_3}, "inodes", INODES, INODES),
        ({"wait_status": int(signal.SIGXFSZ)}, "file_size_bytes", MIB, MIB),
        ({"full": "file", "wait_status": EXIT_3}, "file_size_bytes", MIB, MIB),
        (FACTS[Verdict.PROCESS_LIMIT], "processes", 8, 9),
    ],
)
def test_a_limit_says_what_was_allowed_and_seen(fact, limit, allowed, observed):
    cause = given(fact).cause

    assert (limit, allowed, observed) == (cause.limit, cause.allowed, cause.observed)


@pytest.mark.parametrize("fact", [{"full": "bytes"}, {"full": "inodes"}, {"process_refusals": 5}])
def test_a_program_that_copes_with_a_refusal_is_ok(fact):
    assert Verdict.OK is given(fact).verdict


def test_exactly_the_limit_is_no_limit():
    facts = usage(cpu_time_ns=SECOND_NS, wall_time_ns=2 * SECOND_NS, memory_peak_bytes=64 * MIB)

    assert Verdict.OK is given(facts, {"stdout": Output(total_bytes=100)}).verdict


def test_a_program_that_ended_in_time_is_not_blamed_for_a_late_kill():
    assert Verdict.OK is given({"killed": Killed.WALL_TIME}, usage(wall_time_ns=2 * SECOND_NS)).verdict


@pytest.mark.parametrize(
    ("killed", "verdict", "limit", "allowed"),
    [
        (Killed.CPU_TIME, Verdict.CPU_TIME_LIMIT, "cpu_time", SECOND_NS),
        (Killed.WALL_TIME, Verdict.WALL_TIME_LIMIT, "wall_time", 2 * SECOND_NS),
    ],
    ids=str,
)
@pytest.mark.parametrize("status", [BY_SIGKILL, None], ids=["told", "untold"])
def test_who_was_killed_for_its_time_used_it_up_whatever_the_last_account_is(killed, verdict, limit, allowed, status):
    """In which there is less: what init did for the program is taken off at the end. Nor does a refused process explain the kill."""
    result = given({"killed": killed, "wait_status": status, "process_refusals": 5})

    assert (verdict, FaultDomain.LIMIT) == (result.verdict, fault_domain(result.verdict))
    assert (limit, allowed, allowed) == (result.cause.limit, result.cause.allowed, result.cause.observed)


@pytest.mark.parametrize("status", [0, EXIT_3, BY_SIGTERM])
@pytest.mark.parametrize("killed", [Killed.CPU_TIME, Killed.WALL_TIME])
def test_a_kill_that_came_too_late_explains_no_end(killed, status):
    assert fault_domain(given({"killed": killed, "wait_status": status}).verdict) is FaultDomain.PROGRAM


@pytest.mark.parametrize("status", [BY_SIGKILL, 137 << 8, int(signal.SIGSEGV), int(signal.SIGABRT)])
def test_what_looks_like_a_kill_for_memory_is_none_without_the_kernels_word(status):
    assert given({"wait_status": status}).verdict in (Verdict.SIGNALED, Verdict.NONZERO_EXIT)


def test_a_kill_for_memory_counts_whatever_the_program_says():
    """A child alone was killed, and the parent exited with 0."""
    result = given(FACTS[Verdict.MEMORY_LIMIT])

    assert (Verdict.MEMORY_LIMIT, 0, None) == (result.verdict, result.exit_code, result.signal)


@pytest.mark.parametrize("peak", [1 * MIB, 59 * MIB])
def test_a_kill_far_below_the_limit_was_for_somebody_elses_memory(peak):
    result = given(usage(oom_kills=1, memory_peak_bytes=peak))

    assert Verdict.INTERNAL_ERROR is result.verdict
    assert "the host did not have" in result.detail


def test_where_the_kernel_knows_no_peak_a_kill_is_the_containers_own():
    assert Verdict.MEMORY_LIMIT is given(usage(oom_kills=1, memory_peak_bytes=None)).verdict


@pytest.mark.parametrize(
    ("code", "missing", "status", "why"),
    [
        (errno.ENOENT, True, 127, "'./main' could not be started: No such file or directory"),
        (errno.ENOENT, False, 127, "'./main' could not be started: the interpreter that it names is not there"),
        (errno.EACCES, False, 126, "'./main' could not be started: Permission denied"),
        (errno.ENOEXEC, False, 126, "'./main' could not be started: Exec format error"),
    ],
)
def test_what_cannot_be_executed_is_named(code, missing, status, why):
    result = given({"wait_status": None, "exec_errno": code, "exec_missing": missing})

    assert (Verdict.NONZERO_EXIT, status, why) == (result.verdict, result.exit_code, result.detail)


def test_what_does_not_fit_into_memory_at_all_is_a_limit():
    assert Verdict.MEMORY_LIMIT is given({"wait_status": None, "exec_errno": errno.ENOMEM}).verdict


def test_a_compiler_that_exits_with_an_error_is_a_compile_error():
    result = given({"wait_status": 1 << 8}, phase=Phase.COMPILE)

    assert (Verdict.COMPILE_ERROR, 1) == (result.verdict, result.exit_code)


@pytest.mark.parametrize("verdict", [v for v in FACTS if v.name.endswith("_LIMIT")], ids=lambda verdict: verdict.name)
def test_a_compilers_limit_is_no_compile_error(verdict):
    assert verdict is given({"wait_status": 1 << 8}, FACTS[verdict], phase=Phase.COMPILE).verdict


def test_a_killed_container_that_could_say_nothing_has_the_kill_for_its_end():
    result = given({"wait_status": None, "killed": Killed.CPU_TIME}, usage(cpu_time_ns=2 * SECOND_NS))

    assert (Verdict.CPU_TIME_LIMIT, None, signal.SIGKILL) == (result.verdict, result.exit_code, result.signal)


def test_what_a_compiler_left_and_does_not_fit_is_a_limit_of_the_run():
    result = no_room(MIB)

    assert (Verdict.DISK_LIMIT, "disk_bytes", MIB) == (result.verdict, result.cause.limit, result.cause.allowed)
