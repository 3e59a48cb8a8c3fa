"""The verdict: a pure function of limits, usage and exit.

Precedence, first that holds: internal error, cancelled, security violation, memory, output, CPU time, wall time,
disk, processes, signal, compile error, exit status. It names the cause, not the symptom: a kill for memory also
looks like SIGKILL.
"""

from __future__ import annotations

import errno
import os
import signal
from dataclasses import dataclass

from sandboxd.errors import shown
from sandboxd.model import SECOND_NS, Cause, FaultDomain, Limits, Phase, PhaseResult, Start, Verdict
from sandboxd.runtime.outcome import Killed, Outcome

EXIT_NOT_EXECUTABLE = 126  # as shells have it: found, but it cannot be run
EXIT_NOT_FOUND = 127
# The kernel charges at most a huge page at once, 2 MiB on x86-64 and arm64; twice that leaves room for its batches.
_LARGEST_CHARGE_BYTES = 4 << 20

_FAULT_DOMAINS = {
    Verdict.OK: FaultDomain.PROGRAM,
    Verdict.NONZERO_EXIT: FaultDomain.PROGRAM,
    Verdict.SIGNALED: FaultDomain.PROGRAM,
    Verdict.SECURITY_VIOLATION: FaultDomain.PROGRAM,
    Verdict.COMPILE_ERROR: FaultDomain.PROGRAM,
    Verdict.CPU_TIME_LIMIT: FaultDomain.LIMIT,
    Verdict.WALL_TIME_LIMIT: FaultDomain.LIMIT,
    Verdict.MEMORY_LIMIT: FaultDomain.LIMIT,
    Verdict.OUTPUT_LIMIT: FaultDomain.LIMIT,
    Verdict.DISK_LIMIT: FaultDomain.LIMIT,
    Verdict.PROCESS_LIMIT: FaultDomain.LIMIT,
    Verdict.CANCELLED: FaultDomain.CALLER,
    Verdict.INTERNAL_ERROR: FaultDomain.PLATFORM,
}


def fault_domain(verdict: Verdict) -> FaultDomain:
    """Say who caused a verdict."""
    return _FAULT_DOMAINS[verdict]


@dataclass(frozen=True, slots=True)
class _Finding:
    """A verdict with its evidence."""

    verdict: Verdict
    detail: str = ""
    cause: Cause | None = None


def judge(
    phase: Phase, program: str, limits: Limits, inodes: int, outcome: Outcome, *, start: Start | None = None
) -> PhaseResult:
    """Turn the facts of a run into its result.

    ``program`` is what was to be executed, ``inodes`` how many the writable places could have, ``start`` is passed on.
    """
    exit_code, number = _exit(outcome)
    finding = _platform_or_caller(limits, outcome) or _limit(limits, outcome, number)
    if finding is None and (exit_code or number is not None):
        finding = _space(limits, inodes, outcome, number)
    finding = finding or _program(phase, program, outcome, exit_code, number)
    return PhaseResult(
        verdict=finding.verdict,
        exit_code=exit_code,
        signal=number,
        stdout=outcome.stdout,
        stderr=outcome.stderr,
        usage=outcome.usage,
        cause=finding.cause,
        detail=finding.detail,
        blocked_syscall=outcome.blocked_syscall,
        refused_syscalls=outcome.refused_syscalls,
        start=start,
    )


def _exit(outcome: Outcome) -> tuple[int | None, int | None]:
    """Return exit status and signal, of which one is None."""
    if outcome.exec_errno is not None:
        missing = outcome.exec_errno in (errno.ENOENT, errno.ENOTDIR)
        return (EXIT_NOT_FOUND if missing else EXIT_NOT_EXECUTABLE), None
    if outcome.wait_status is None:
        return None, None if outcome.lost else int(signal.SIGKILL)
    if os.WIFSIGNALED(outcome.wait_status):
        return None, os.WTERMSIG(outcome.wait_status)
    return os.WEXITSTATUS(outcome.wait_status), None


def _platform_or_caller(limits: Limits, outcome: Outcome) -> _Finding | None:
    if outcome.lost:
        return _Finding(Verdict.INTERNAL_ERROR, f"sandboxd lost the container: {outcome.lost}")
    if outcome.usage.oom_kills and _was_below_its_memory(limits, outcome):
        detail = "the kernel killed a process for memory that the host did not have: the container was below its limit"
        return _Finding(Verdict.INTERNAL_ERROR, detail)
    if outcome.killed is Killed.CANCELLED:
        return _Finding(Verdict.CANCELLED, "the run was cancelled")
    return None


def _was_below_its_memory(limits: Limits, outcome: Outcome) -> bool:
    """Whether the memory limit cannot be what a process was killed for: the peak never came near it."""
    peak = outcome.usage.memory_peak_bytes
    return peak is not None and peak + _LARGEST_CHARGE_BYTES < limits.memory_bytes


def _limit(limits: Limits, outcome: Outcome, number: int | None) -> _Finding | None:
    """Find the wall at which the program was ended."""
    return _security(outcome) or _memory(limits, outcome) or _output(limits, outcome) or _times(limits, outcome, number)


def _security(outcome: Outcome) -> _Finding | None:
    if outcome.killed is not Killed.SECURITY:
        return None
    return _Finding(
        Verdict.SECURITY_VIOLATION,
        f"the program made the system call {outcome.blocked_syscall}, which its policy forbids",
    )


def _memory(limits: Limits, outcome: Outcome) -> _Finding | None:
    usage, allowed = outcome.usage, limits.memory_bytes
    # The kernel refused more than the limit, so that much was wanted, though its counter may be a few pages behind.
    observed = max(usage.memory_peak_bytes or 0, allowed)
    if outcome.killed is Killed.THRASHING:
        detail = f"the program's data filled its {allowed} bytes of memory, and its code had no room left"
    elif usage.oom_kills:
        count = f"{usage.oom_kills} process{'es' if usage.oom_kills > 1 else ''}"
        detail = f"the kernel killed {count} of the container at its memory limit of {allowed} bytes"
    elif outcome.exec_errno == errno.ENOMEM:
        detail, observed = "the program does not fit into its memory", usage.memory_peak_bytes or 0
    else:
        return None
    return _Finding(Verdict.MEMORY_LIMIT, detail, Cause(limit="memory_bytes", allowed=allowed, observed=observed))


def _output(limits: Limits, outcome: Outcome) -> _Finding | None:
    total = outcome.stdout.total_bytes + outcome.stderr.total_bytes
    if total <= limits.output_bytes:
        return None
    cause = Cause(limit="output_bytes", allowed=limits.output_bytes, observed=total)
    return _Finding(Verdict.OUTPUT_LIMIT, f"the program wrote more than {limits.output_bytes} bytes of output", cause)


def _times(limits: Limits, outcome: Outcome, number: int | None) -> _Finding | None:
    cpu, wall = outcome.usage.cpu_time_ns or 0, outcome.usage.wall_time_ns or 0
    # What init did for the program is known at the end, and taken off: the last account may have less than it was killed for.
    # Who ended by itself before the kill reached it was in time.
    killed = outcome.killed if number == signal.SIGKILL else None
    if cpu > limits.cpu_time_ns or killed is Killed.CPU_TIME:
        cause = Cause(limit="cpu_time", allowed=limits.cpu_time_ns, observed=max(cpu, limits.cpu_time_ns))
        return _Finding(
            Verdict.CPU_TIME_LIMIT, f"the program used up its {_seconds(limits.cpu_time_ns)} of CPU time", cause
        )
    if wall > limits.wall_time_ns or killed is Killed.WALL_TIME:
        cause = Cause(limit="wall_time", allowed=limits.wall_time_ns, observed=max(wall, limits.wall_time_ns))
        return _Finding(
            Verdict.WALL_TIME_LIMIT, f"the program did not end within {_seconds(limits.wall_time_ns)}", cause
        )
    return None


def _space(limits: Limits, inodes: int, outcome: Outcome, number: int | None) -> _Finding | None:
    """Tell why a program failed that met a full disk or a refused process: evidence of the kernel's, and a failure."""
    if number == signal.SIGXFSZ or outcome.full == "file":
        allowed = limits.file_size_bytes
        cause = Cause(limit="file_size_bytes", allowed=allowed, observed=allowed)
        return _Finding(Verdict.DISK_LIMIT, f"the program failed with a file at its limit of {allowed} bytes", cause)
    if outcome.full == "inodes":
        detail = "the program failed after its writable space had been full of files, though not of bytes"
        return _Finding(Verdict.DISK_LIMIT, detail, Cause(limit="inodes", allowed=inodes, observed=inodes))
    if outcome.full:
        cause = Cause(limit="disk_bytes", allowed=limits.disk_bytes, observed=limits.disk_bytes)
        detail = f"the program failed after its {limits.disk_bytes} bytes of disk had been full"
        return _Finding(Verdict.DISK_LIMIT, detail, cause)
    if outcome.process_refusals:
        cause = Cause(limit="processes", allowed=limits.processes, observed=limits.processes + 1)
        detail = f"the program failed after it was refused a process or thread above {limits.processes}"
        return _Finding(Verdict.PROCESS_LIMIT, detail, cause)
    return None


def _program(phase: Phase, program: str, outcome: Outcome, exit_code: int | None, number: int | None) -> _Finding:
    if outcome.exec_errno is not None:
        why = os.strerror(outcome.exec_errno)
        if outcome.exec_errno == errno.ENOENT and not outcome.exec_missing:
            why = "the interpreter that it names is not there"
        return _Finding(Verdict.NONZERO_EXIT, f"{shown(program)} could not be started: {why}")
    if number is not None:
        return _Finding(Verdict.SIGNALED, f"the program was ended by {_signal_name(number)}")
    if exit_code == 0:
        return _Finding(Verdict.OK)
    if phase is Phase.COMPILE:
        return _Finding(Verdict.COMPILE_ERROR, f"the compiler exited with status {exit_code}")
    return _Finding(Verdict.NONZERO_EXIT, f"the program exited with status {exit_code}")


def no_room(room_bytes: int) -> PhaseResult:
    """Return the result of a run that could not begin, because what its compiler left does not fit."""
    cause = Cause(limit="disk_bytes", allowed=room_bytes, observed=room_bytes)
    detail = f"what the compiler left is more than the {room_bytes} bytes that the run has room for"
    return PhaseResult(verdict=Verdict.DISK_LIMIT, cause=cause, detail=detail)


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _seconds(nanoseconds: int) -> str:
    return f"{nanoseconds / SECOND_NS:g} s"
