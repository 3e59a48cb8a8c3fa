"""What a control group is to sandboxd, whatever the kernel's version of it."""

from __future__ import annotations

import contextlib
import math
import os
import signal
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

from sandboxd.linux import process

PAGE_SIZE = os.sysconf("SC_PAGE_SIZE")
REFAULTS = b"workingset_refault_file"  # of memory.stat, in pages, v1's too; Linux 5.9
CPU_PERIOD_US = 100_000  # CFS bandwidth period: the kernel's default
_MOST_BYTES = 65536  # a page, most of them
_MOST_BYTES_OF_PIDS = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Limits of one group. ``cpu_set`` is None for all CPUs."""

    memory_bytes: int
    processes: int
    cpu_shares: int
    cpu_set: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Counters:
    """What only grows, in one group at one moment. None is a figure that this kernel does not give."""

    cpu_ns: int
    user_ns: int
    system_ns: int
    throttled_ns: int | None
    minor_faults: int
    major_faults: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Stats(Counters):
    """All that is known of one group at one moment, peaks and refusals too."""

    memory_peak_bytes: int | None
    oom_kills: int
    processes_peak: int | None
    process_refusals: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MemorySample:
    """What a group's memory was made of at one moment."""

    anon_bytes: int
    file_bytes: int
    shmem_bytes: int
    kernel_bytes: int | None
    reread_bytes: int
    """What it has had to read again of files, because it had been given back to make room: grows only."""


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
    def entrances(self) -> list[int]:
        """Open the files that put a process of one thread into the group when it writes 0 to each of them; the caller closes them.

        There are none where a process is born in the group (``clone_fd``).
        """

    @abstractmethod
    def attach(self, pid: int) -> None:
        """Move a process in. On v1 that takes 10 to 20 ms if none was moved of late: the kernel waits for all that fork and exec (docs/performance.md)."""

    @abstractmethod
    def pids(self) -> list[int]:
        """Return the processes in it, zombies not among them."""

    @abstractmethod
    def directories(self) -> list[int]:
        """Return borrowed descriptors, in the order that the version's Observer takes."""

    @abstractmethod
    def clone_fd(self) -> int | None:
        """Return what clone3's CLONE_INTO_CGROUP takes, where there is such a thing."""

    @abstractmethod
    def close(self) -> None:
        """Let go of the descriptors."""

    @abstractmethod
    def remove(self) -> None:
        """Remove the group. OSError EBUSY while a process is in it."""


class Observer(ABC):
    """One group, as the server sees it, through descriptors of its directories. Needs privileges only to end it.

    Counters are opened once and read again and again: a server that has no descriptor left still sees what its limits
    are about.
    """

    def __init__(self, directories: Sequence[int]) -> None:
        self._directories = tuple(directories)
        self._files: dict[tuple[int, str], int] = {}

    @abstractmethod
    def counters(self) -> Counters:
        """Read what of a run is told as a difference."""

    @abstractmethod
    def stats(self) -> Stats:
        """Read all there is."""

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

    @abstractmethod
    def limit_cpus(self, cpus: float) -> None:
        """Set the ceiling of CPU time, in CPUs: for a part of one, of which a set of CPUs knows nothing."""

    @abstractmethod
    def lift_quota(self) -> None:
        """Take the ceiling of CPU time away: processes that are to die need some to do so."""

    def kill_all_but(self, spared: int) -> None:
        """Kill every process of the group but one. What is forked meanwhile may be missed.

        By pidfd, and only those that are in it after the pidfd is there, so that no number that was reused is hit.
        """
        with contextlib.ExitStack() as stack:
            pidfds = {}
            for pid in self.pids():
                with contextlib.suppress(ProcessLookupError):
                    if pid != spared:
                        pidfds[pid] = os.pidfd_open(pid)
                        stack.callback(os.close, pidfds[pid])
            for pid in pidfds.keys() & set(self.pids()):
                with contextlib.suppress(ProcessLookupError):
                    process.pidfd_signal(pidfds[pid], signal.SIGKILL)

    def close(self) -> None:
        """Close files and directories."""
        for fd in {*self._directories, *self._files.values()}:
            os.close(fd)
        self._files.clear()

    def _read(self, directory: int, name: str) -> bytes:
        """Read a small file, whole."""
        fd = self._files.get((directory, name))
        if fd is None:
            fd = self._files[directory, name] = os.open(name, os.O_RDONLY | os.O_CLOEXEC, dir_fd=directory)
        return os.pread(fd, _MOST_BYTES, 0)

    def _int(self, directory: int, name: str) -> int:
        """Read a file that holds one number."""
        return int(self._read(directory, name))

    def _int_if_present(self, directory: int, name: str) -> int | None:
        """Read a file that holds one number, or None where the kernel has no such file."""
        try:
            return self._int(directory, name)
        except FileNotFoundError:
            return None

    def _values(self, directory: int, name: str, *keys: bytes) -> list[int]:
        """Read some of a long file of lines ``key value``; ValueError where a key is not there."""
        content = b"\n" + self._read(directory, name)
        starts = [content.index(b"\n%b " % key) + len(key) + 2 for key in keys]
        return [int(content[start : content.index(b"\n", start)]) for start in starts]

    def _flat_keyed(self, directory: int, name: str) -> dict[bytes, int]:
        """Read a file of lines ``key value``, whole."""
        fields = self._read(directory, name).split()
        return dict(zip(fields[::2], map(int, fields[1::2]), strict=True))


def most_processes() -> int:
    """Return how many processes all containers together may have: half of the numbers that the kernel has for them."""
    with open("/proc/sys/kernel/pid_max", "rb") as file:
        return int(file.read()) // 2


def read_at(directory: int, name: str, most: int = _MOST_BYTES) -> bytes:
    """Read a whole small file below ``directory``."""
    fd = os.open(name, os.O_RDONLY | os.O_CLOEXEC, dir_fd=directory)
    try:
        return os.read(fd, most)
    finally:
        os.close(fd)


def read_pids(directory: int) -> list[int]:
    """Read the processes of a group, from a file opened anew: v1 shows an old list to whoever has had it open for a while.

    See cgroup_pidlist_start() in the kernel's cgroup-v1.c.
    """
    return [int(pid) for pid in read_at(directory, "cgroup.procs", _MOST_BYTES_OF_PIDS).split()]


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


def weight_from_shares(shares: int) -> int:
    """Map v1 cpu.shares (2 to 262144) to v2 cpu.weight (1 to 10000).

    runc 1.3.2's curve: both ends and the defaults (1024 and 100) coincide.
    """
    log = math.log2(max(2, min(shares, 262144)))
    return math.ceil(10 ** ((log * log + 125 * log) / 612 - 7 / 34))


def quota_us(cpus: float) -> int:
    """Return CPU time per period for a ceiling of ``cpus``; at least 1 ms, the kernel's minimum."""
    return max(1000, round(cpus * CPU_PERIOD_US))
