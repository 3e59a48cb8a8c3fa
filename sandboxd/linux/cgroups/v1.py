"""cgroup v1: a hierarchy, and so a directory, for each controller. See the kernel's admin-guide/cgroup-v1."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
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
    write_at,
)

CONTROLLERS = ("memory", "cpu", "cpuacct", "pids", "cpuset")
_DIRECTORY = os.O_DIRECTORY | os.O_RDONLY | os.O_CLOEXEC


class HierarchyV1(Hierarchy):
    """One parent directory a controller; where controllers are mounted together they share it."""

    def __init__(self, parents: Mapping[str, str], name: str) -> None:
        self._parents = {path: os.open(path, _DIRECTORY) for path in set(parents.values())}
        self._name = name
        for fd in self._parents.values():
            os.mkdir(name, dir_fd=fd)
        self._fds = {path: os.open(name, _DIRECTORY, dir_fd=fd) for path, fd in self._parents.items()}
        self._by_controller = {controller: self._fds[path] for controller, path in parents.items()}
        self._prepare(self._parents[parents["cpuset"]])
        write_at(self._by_controller["pids"], "pids.max", most_processes())

    def _prepare(self, parent_cpuset: int) -> None:
        """Set what every group below is to be born with: CPUs and memory nodes, without which none takes a process; no swapping."""
        cpuset = self._by_controller["cpuset"]
        write_at(cpuset, "cpuset.mems", read_at(parent_cpuset, "cpuset.mems").decode().strip())
        write_at(cpuset, "cpuset.cpus", read_at(parent_cpuset, "cpuset.cpus").decode().strip())
        write_at(cpuset, "cgroup.clone_children", 1)
        write_at(self._by_controller["memory"], "memory.swappiness", 0)

    def create(self, name: str, settings: Settings) -> Group:
        made: list[int] = []
        opened: dict[int, int] = {}
        try:
            for parent in self._fds.values():
                os.mkdir(name, dir_fd=parent)
                made.append(parent)
                opened[parent] = os.open(name, _DIRECTORY, dir_fd=parent)
            directories = {controller: opened[parent] for controller, parent in self._by_controller.items()}
            _apply(directories, settings, self._by_controller["cpuset"])
        except OSError:
            for fd in opened.values():
                os.close(fd)
            for parent in made:
                os.rmdir(name, dir_fd=parent)
            raise
        return GroupV1(name, directories, tuple(self._fds.values()), settings, self._by_controller["cpuset"])

    def remove_all(self) -> None:
        for path, fd in self._fds.items():
            for entry in os.listdir(fd):
                with contextlib.suppress(NotADirectoryError):
                    os.rmdir(entry, dir_fd=fd)
            os.rmdir(self._name, dir_fd=self._parents[path])


class GroupV1(Group):
    """The directories of one group."""

    def __init__(
        self,
        name: str,
        directories: Mapping[str, int],
        parents: tuple[int, ...],
        settings: Settings,
        parent_cpuset: int,
    ) -> None:
        self.name = name
        self._directories = directories
        self._parents = parents
        self._settings = settings
        self._parent_cpuset = parent_cpuset

    def change(self, settings: Settings) -> None:
        _apply(self._directories, settings, self._parent_cpuset, self._settings)
        self._settings = settings

    def entrances(self) -> list[int]:
        entrances: list[int] = []
        try:
            entrances.extend(
                os.open("tasks", os.O_WRONLY | os.O_CLOEXEC, dir_fd=fd) for fd in set(self._directories.values())
            )
        except OSError:
            for fd in entrances:
                os.close(fd)
            raise
        return entrances

    def attach(self, pid: int) -> None:
        for fd in dict.fromkeys(self._directories.values()):
            write_at(fd, "cgroup.procs", pid)

    def pids(self) -> list[int]:
        return read_pids(self._directories["pids"])

    def directories(self) -> list[int]:
        return [self._directories[controller] for controller in CONTROLLERS[:4]]

    def clone_fd(self) -> int | None:
        return None

    def close(self) -> None:
        for fd in set(self._directories.values()):
            os.close(fd)

    def remove(self) -> None:
        for parent in self._parents:
            with contextlib.suppress(FileNotFoundError):
                os.rmdir(self.name, dir_fd=parent)


class ObserverV1(Observer):
    """Reads memory, cpu, cpuacct and pids, in this order."""

    _limited = False  # whether there has been a quota; without one nothing is throttled

    def counters(self) -> Counters:
        return Counters(**self._counted())

    def stats(self) -> Stats:
        memory, _, _, pids = self._directories
        return Stats(
            **self._counted(),
            memory_peak_bytes=self._int(memory, "memory.max_usage_in_bytes"),
            oom_kills=self.oom_kills(),
            processes_peak=self._int_if_present(pids, "pids.peak"),  # Linux 6.1
            process_refusals=self._flat_keyed(pids, "pids.events")[b"max"],
        )

    def _counted(self) -> dict[str, Any]:
        memory, cpu, cpuacct, _ = self._directories
        total = self._int(cpuacct, "cpuacct.usage")
        by_cpu = self._read(cpuacct, "cpuacct.usage_all").split()[3:]  # "cpu user system", and these three of each
        user, system = split_cpu_time(total, sum(map(int, by_cpu[1::3])), sum(map(int, by_cpu[2::3])))
        faults, major_faults = self._values(memory, "memory.stat", b"pgfault", b"pgmajfault")
        return {
            "cpu_ns": total,
            "user_ns": user,
            "system_ns": system,
            "throttled_ns": self._flat_keyed(cpu, "cpu.stat").get(b"throttled_time") if self._limited else 0,
            "minor_faults": faults - major_faults,
            "major_faults": major_faults,
        }

    def cpu_ns(self) -> int:
        return self._int(self._directories[2], "cpuacct.usage")

    def memory_bytes(self) -> int:
        return self._int(self._directories[0], "memory.usage_in_bytes")

    def memory_sample(self) -> MemorySample:
        memory = self._directories[0]
        rss, cache, shmem, refaults = self._values(memory, "memory.stat", b"rss", b"cache", b"shmem", REFAULTS)
        return MemorySample(
            anon_bytes=rss,
            file_bytes=max(0, cache - shmem),
            shmem_bytes=shmem,
            kernel_bytes=self._int_if_present(memory, "memory.kmem.usage_in_bytes"),
            reread_bytes=refaults * PAGE_SIZE,
        )

    def oom_kills(self) -> int:
        return self._flat_keyed(self._directories[0], "memory.oom_control")[b"oom_kill"]  # Linux 4.13

    def processes(self) -> int:
        return self._int(self._directories[3], "pids.current")

    def pids(self) -> list[int]:
        return read_pids(self._directories[3])

    def limit_cpus(self, cpus: float) -> None:
        self._limited = True
        write_at(self._directories[1], "cpu.cfs_period_us", CPU_PERIOD_US)
        write_at(self._directories[1], "cpu.cfs_quota_us", quota_us(cpus))

    def lift_quota(self) -> None:
        write_at(self._directories[1], "cpu.cfs_quota_us", -1)


def split_cpu_time(total_ns: int, user_ns: int, system_ns: int) -> tuple[int, int]:
    """Scale the sampled user and system times to the exact total, as the kernel's cputime_adjust() does."""
    if system_ns == 0:
        return total_ns, 0
    user = total_ns * user_ns // (user_ns + system_ns)
    return user, total_ns - user


def _apply(
    directories: Mapping[str, int], settings: Settings, parent_cpuset: int, before: Settings | None = None
) -> None:
    """Write the settings of a new group, or of one that had others before."""
    memory, cpu = directories["memory"], directories["cpu"]
    if before is None or before.memory_bytes != settings.memory_bytes:
        _limit_memory(
            memory, settings.memory_bytes, raised=before is not None and before.memory_bytes < settings.memory_bytes
        )
    if before is None or before.cpu_shares != settings.cpu_shares:
        write_at(cpu, "cpu.shares", settings.cpu_shares)
    if before is None or before.processes != settings.processes:
        write_at(directories["pids"], "pids.max", settings.processes)
    if settings.cpu_set != (before.cpu_set if before else None):
        cpus = settings.cpu_set or read_at(parent_cpuset, "cpuset.cpus").decode().strip()
        write_at(directories["cpuset"], "cpuset.cpus", cpus)


def _limit_memory(directory: int, limit: int, *, raised: bool) -> None:
    """Limit memory, and memory with swap, which may at no moment be the smaller of the two."""
    names = ["memory.limit_in_bytes", "memory.memsw.limit_in_bytes"]
    for name in reversed(names) if raised else names:
        # Without swap accounting (swapaccount=0) memsw is missing; no swapping is then what keeps the limit honest.
        write_at(directory, name, limit, optional=name == names[1])
