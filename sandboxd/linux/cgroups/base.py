"""What a control group is to sandboxd, whatever the kernel's version of it."""

from __future__ import annotations

import math
import os
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

CPU_PERIOD_US = 100_000  # CFS bandwidth period: the kernel's default


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Limits of one group. ``cpu_set`` is None for all CPUs, ``cpu_quota`` None for no ceiling."""

    memory_bytes: int
    processes: int
    cpu_shares: int
    cpu_quota: float | None
    cpu_set: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Stats:
    """The counters of one group at one moment. None is a figure that this kernel does not give."""

    cpu_ns: int
    user_ns: int
    system_ns: int
    throttled_ns: int | None
    memory_peak_bytes: int | None
    oom_kills: int
    processes_peak: int | None
    process_refusals: int
    minor_faults: int
    major_faults: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MemorySample:
    """What a group's memory was made of at one moment."""

    anon_bytes: int
    file_bytes: int
    shmem_bytes: int
    kernel_bytes: int | None


class Hierarchy(ABC):
    """The place where a launcher makes groups. Its methods need write access to cgroupfs."""

    @abstractmethod
    def create(self, name: str, settings: Settings) -> Group:
        """Make a group with these limits. Leaves nothing behind when it raises."""

    @abstractmethod
    def remove_all(self) -> None:
        """Remove the hierarchy with the groups that are left in it."""


class Group(ABC):
    """One group, as its maker sees it."""

    name: str

    @abstractmethod
    def change(self, settings: Settings) -> None:
        """Give the group other settings. OSError EBUSY where more memory is used than it may have."""

    @abstractmethod
    def attach(self, pid: int) -> None:
        """Move a process in."""

    @abstractmethod
    def directories(self) -> list[int]:
        """Return borrowed descriptors, in the order that the version's Reader takes."""

    @abstractmethod
    def clone_fd(self) -> int | None:
        """Return what clone3's CLONE_INTO_CGROUP takes, where there is such a thing."""

    @abstractmethod
    def close(self) -> None:
        """Let go of the descriptors."""

    @abstractmethod
    def remove(self) -> None:
        """Remove the group. OSError EBUSY while a process is in it."""


class Reader(ABC):
    """One group, as its observer sees it: reads through directory descriptors, needs no privilege."""

    def __init__(self, directories: Sequence[int]) -> None:
        self._directories = tuple(directories)

    @abstractmethod
    def stats(self) -> Stats:
        """Read all counters."""

    @abstractmethod
    def cpu_ns(self) -> int:
        """Read the CPU time alone."""

    @abstractmethod
    def memory_bytes(self) -> int:
        """Read the present memory."""

    @abstractmethod
    def memory_sample(self) -> MemorySample:
        """Read what the memory is made of."""

    @abstractmethod
    def oom_kills(self) -> int:
        """Read how many processes were killed for memory."""

    @abstractmethod
    def processes(self) -> int:
        """Return how many processes and threads there are now."""

    @abstractmethod
    def pids(self) -> list[int]:
        """Read the processes in the group."""

    def close(self) -> None:
        """Close the directories."""
        for fd in set(self._directories):
            os.close(fd)


def read_at(directory: int, name: str) -> bytes:
    """Read a whole small file below ``directory``."""
    fd = os.open(name, os.O_RDONLY | os.O_CLOEXEC, dir_fd=directory)
    try:
        return os.read(fd, 65536)
    finally:
        os.close(fd)


def write_at(directory: int, name: str, value: int | str, *, optional: bool = False) -> None:
    """Write a value to a file that exists: without O_CREAT a misspelt limit fails.

    ``optional`` allows the file to be missing; the caller says why.
    """
    try:
        fd = os.open(name, os.O_WRONLY | os.O_CLOEXEC, dir_fd=directory)
    except FileNotFoundError:
        if optional:
            return
        raise
    try:
        os.write(fd, str(value).encode())
    except OSError as error:
        raise OSError(error.errno, os.strerror(error.errno or 0), f"{name}={value}") from None
    finally:
        os.close(fd)


def read_int(directory: int, name: str) -> int:
    """Read a file that holds one number."""
    return int(read_at(directory, name))


def read_int_if_present(directory: int, name: str) -> int | None:
    """Read a file that holds one number, or None where the kernel has no such file."""
    try:
        return read_int(directory, name)
    except FileNotFoundError:
        return None


def read_flat_keyed(directory: int, name: str) -> dict[bytes, int]:
    """Read a file of lines ``key value``."""
    fields = read_at(directory, name).split()
    return dict(zip(fields[::2], map(int, fields[1::2]), strict=True))


def weight_from_shares(shares: int) -> int:
    """Map v1 cpu.shares (2 to 262144) to v2 cpu.weight (1 to 10000).

    runc 1.3.2's curve: both ends and the defaults (1024 and 100) coincide.
    """
    log = math.log2(max(2, min(shares, 262144)))
    return math.ceil(10 ** ((log * log + 125 * log) / 612 - 7 / 34))


def quota_us(cpus: float) -> int:
    """Return CPU time per period for a ceiling of ``cpus``; at least 1 ms, the kernel's minimum."""
    return max(1000, round(cpus * CPU_PERIOD_US))
