"""The facts of a run, gathered while it went on. ``service/verdict.py`` makes a verdict of them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from sandboxd.model import Output, RefusedSyscall, Usage


class Killed(Enum):
    """Why the supervisor killed a container."""

    CPU_TIME = "cpu_time"
    WALL_TIME = "wall_time"
    MEMORY = "memory"
    THRASHING = "thrashing"
    OUTPUT = "output"
    SECURITY = "security"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """All that is known of a program that has ended."""

    wait_status: int | None
    """As wait(2) gives it; None where init was killed before it could tell."""
    exec_errno: int | None
    """Why the program could not be exec'ed; None when it was."""
    exec_missing: bool
    """Whether then there is no such file. Where there is, it is what it names that is missing: its interpreter."""
    killed: Killed | None
    """What the supervisor killed it for; None when it ended by itself."""
    lost: str
    """Why the platform cannot tell how it ended; empty when it can."""
    blocked_syscall: str
    refused_syscalls: tuple[RefusedSyscall, ...]
    process_refusals: int
    """How often the cgroup refused a process or thread."""
    full: str
    """What the writable layer had none left of, at the end or when it was looked at: ``bytes`` or ``inodes``.

    ``file`` where a file of a program that failed stands at the limit of one, and nothing otherwise.
    """
    stdout: Output
    stderr: Output
    usage: Usage
