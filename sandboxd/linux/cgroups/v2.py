"""cgroup v2: one hierarchy with all controllers. See the kernel's admin-guide/cgroup-v2."""

from __future__ import annotations

import contextlib
import os
from typing import Any

from sandboxd.linux.cgroups.base import (
    CPU_PERIOD_US,
    PAGE_SIZE,
    REFAULTS,
    Counters,
    Group,
    Hierarchy,
    MemorySample,
    Observer,
    Settings,
    Stats,
    most_processes,
    quota_us,
    read_at,
    read_pids,
    weight_from_shares,
    write_at,
)

CONTROLLERS = ("cpu", "cpuset", "memory", "pids")
_DIRECTORY = os.O_DIRECTORY | os.O_RDONLY | os.O_CLOEXEC
# Where memory.stat has no sum "kernel" (before Linux 5.18), its parts.
_KERNEL_PARTS = (b"kernel_stack", b"pagetables", b"percpu", b"sock", b"slab", b"vmalloc")


class HierarchyV2(Hierarchy):
    """One parent directory, whose children have all controllers."""

    def __init__(self, parent: str, name: str) -> None:
        self._parent = os.open(parent, _DIRECTORY)
        self._name = name
        enable_controllers(self._parent)
        os.mkdir(name, dir_fd=self._parent)
        self._fd = os.open(name, _DIRECTORY, dir_fd=self._parent)
        enable_controllers(self._fd)
        write_at(self._fd, "pids.max", most_processes())

    def create(self, name: str, settings: Settings) -> Group:
        with contextlib.ExitStack() as undo:
            os.mkdir(name, dir_fd=self._fd)
            undo.callback(os.rmdir, name, dir_fd=self._fd)
            fd = os.open(name, _DIRECTORY, dir_fd=self._fd)
            undo.callback(os.close, fd)
            _apply(fd, settings)
            undo.pop_all()
        return GroupV2(name, fd, self._fd, settings)

    def remove_all(self) -> None:
        for entry in os.listdir(self._fd):
            with contextlib.suppress(NotADirectoryError):
                os.rmdir(entry, dir_fd=self._fd)
        os.rmdir(self._name, dir_fd=self._parent)


class GroupV2(Group):
    """The directory of one group."""

    def __init__(self, name: str, fd: int, parent: int, settings: Settings) -> None:
        self.name = name
        self._fd = fd
        self._parent = parent
        self._settings = settings

    def change(self, settings: Settings) -> None:
        _apply(self._fd, settings, self._settings)
        self._settings = settings

    def entrances(self) -> list[int]:
        return []

    def attach(self, pid: int) -> None:
        write_at(self._fd, "cgroup.procs", pid)

    def pids(self) -> list[int]:
        return read_pids(self._fd)

    def directories(self) -> list[int]:
        return [self._fd]

    def clone_fd(self) -> int | None:
        return self._fd

    def close(self) -> None:
        os.close(self._fd)

    def remove(self) -> None:
        with contextlib.suppress(FileNotFoundError):
            os.rmdir(self.name, dir_fd=self._parent)


class ObserverV2(Observer):
    """Reads the one directory."""

    def counters(self) -> Counters:
        return Counters(**self._counted())

    def stats(self) -> Stats:
        (fd,) = self._directories
        return Stats(
            **self._counted(),
            memory_peak_bytes=self._int_if_present(fd, "memory.peak"),  # Linux 5.19
            oom_kills=self.oom_kills(),
            processes_peak=self._int_if_present(fd, "pids.peak"),  # Linux 6.1
            process_refusals=self._flat_keyed(fd, "pids.events")[b"max"],
        )

    def _counted(self) -> dict[str, Any]:
        (fd,) = self._directories
        cpu = self._flat_keyed(fd, "cpu.stat")
        faults, major_faults = self._values(fd, "memory.stat", b"pgfault", b"pgmajfault")
        throttled_us = cpu.get(b"throttled_usec")
        return {
            "cpu_ns": cpu[b"usage_usec"] * 1000,
            "user_ns": cpu[b"user_usec"] * 1000,
            "system_ns": cpu[b"system_usec"] * 1000,
            "throttled_ns": None if throttled_us is None else throttled_us * 1000,
            "minor_faults": faults - major_faults,
            "major_faults": major_faults,
        }

    def cpu_ns(self) -> int:
        return self._flat_keyed(self._directories[0], "cpu.stat")[b"usage_usec"] * 1000

    def memory_bytes(self) -> int:
        return self._int(self._directories[0], "memory.current")

    def memory_sample(self) -> MemorySample:
        stat = self._flat_keyed(self._directories[0], "memory.stat")
        kernel = stat.get(b"kernel")  # Linux 5.18
        return MemorySample(
            anon_bytes=stat[b"anon"],
            file_bytes=max(0, stat[b"file"] - stat[b"shmem"]),
            shmem_bytes=stat[b"shmem"],
            kernel_bytes=kernel if kernel is not None else sum(stat.get(part, 0) for part in _KERNEL_PARTS),
            reread_bytes=stat[REFAULTS] * PAGE_SIZE,
        )

    def oom_kills(self) -> int:
        return self._flat_keyed(self._directories[0], "memory.events")[b"oom_kill"]

    def processes(self) -> int:
        return self._int(self._directories[0], "pids.current")

    def pids(self) -> list[int]:
        return read_pids(self._directories[0])

    def limit_cpus(self, cpus: float) -> None:
        write_at(self._directories[0], "cpu.max", f"{quota_us(cpus)} {CPU_PERIOD_US}")

    def lift_quota(self) -> None:
        write_at(self._directories[0], "cpu.max", f"max {CPU_PERIOD_US}")


def enable_controllers(directory: int) -> None:
    """Give the children of ``directory`` the controllers. OSError EBUSY while it holds processes itself."""
    enabled = read_at(directory, "cgroup.subtree_control").decode().split()
    wanted = [f"+{controller}" for controller in CONTROLLERS if controller not in enabled]
    if wanted:
        write_at(directory, "cgroup.subtree_control", " ".join(wanted))


def _apply(fd: int, settings: Settings, before: Settings | None = None) -> None:
    """Write the settings of a new group, or of one that had others before."""
    if before is None:
        write_at(fd, "memory.swap.max", 0, optional=True)  # missing in kernels without CONFIG_SWAP
        # memory.oom.group stays 0: it would take init too, which says what was used. The supervisor ends the rest, as on v1.
    if before is None or before.memory_bytes != settings.memory_bytes:
        write_at(fd, "memory.max", settings.memory_bytes)
    if before is None or before.processes != settings.processes:
        write_at(fd, "pids.max", settings.processes)
    if before is None or before.cpu_shares != settings.cpu_shares:
        write_at(fd, "cpu.weight", weight_from_shares(settings.cpu_shares))
    if settings.cpu_set != (before.cpu_set if before else None):
        write_at(fd, "cpuset.cpus", settings.cpu_set or "\n")  # an empty line: those of the parent
