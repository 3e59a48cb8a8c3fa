"""cgroup v1: a hierarchy, and so a directory, for each controller. See the kernel's admin-guide/cgroup-v1."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping

from sandboxd.linux.cgroups.base import (
    CPU_PERIOD_US,
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
        _fill_cpuset(self._by_controller["cpuset"], self._parents[parents["cpuset"]], None)
        write_at(self._by_controller["pids"], "pids.max", most_processes())

    def create(self, name: str, settings: Settings) -> Group:
        with contextlib.ExitStack() as undo:
            opened = {}
            for parent in self._fds.values():
                os.mkdir(name, dir_fd=parent)
                undo.callback(os.rmdir, name, dir_fd=parent)
                opened[parent] = os.open(name, _DIRECTORY, dir_fd=parent)
                undo.callback(os.close, opened[parent])
            directories = {controller: opened[parent] for controller, parent in self._by_controller.items()}
            _apply(directories, settings, self._by_controller["cpuset"])
            undo.pop_all()
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

    def attach(self, pid: int) -> None:
        for fd in dict.fromkeys(self._directories.values()):
            write_at(fd, "cgroup.procs", pid)

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

    def stats(self) -> Stats:
        memory, cpu, cpuacct, pids = self._directories
        total = self._int(cpuacct, "cpuacct.usage")
        user, system = split_cpu_time(
            total, self._int(cpuacct, "cpuacct.usage_user"), self._int(cpuacct, "cpuacct.usage_sys")
        )
        memory_stat = self._flat_keyed(memory, "memory.stat")
        return Stats(
            cpu_ns=total,
            user_ns=user,
            system_ns=system,
            throttled_ns=self._flat_keyed(cpu, "cpu.stat").get(b"throttled_time"),
            memory_peak_bytes=self._int(memory, "memory.max_usage_in_bytes"),
            oom_kills=self.oom_kills(),
            processes_peak=self._int_if_present(pids, "pids.peak"),  # Linux 6.1
            process_refusals=self._flat_keyed(pids, "pids.events")[b"max"],
            minor_faults=memory_stat[b"pgfault"] - memory_stat[b"pgmajfault"],
            major_faults=memory_stat[b"pgmajfault"],
        )

    def cpu_ns(self) -> int:
        return self._int(self._directories[2], "cpuacct.usage")

    def memory_bytes(self) -> int:
        return self._int(self._directories[0], "memory.usage_in_bytes")

    def memory_sample(self) -> MemorySample:
        memory = self._directories[0]
        stat = self._flat_keyed(memory, "memory.stat")
        return MemorySample(
            anon_bytes=stat[b"rss"],
            file_bytes=max(0, stat[b"cache"] - stat[b"shmem"]),
            shmem_bytes=stat[b"shmem"],
            kernel_bytes=self._int_if_present(memory, "memory.kmem.usage_in_bytes"),
        )

    def oom_kills(self) -> int:
        return self._flat_keyed(self._directories[0], "memory.oom_control")[b"oom_kill"]  # Linux 4.13

    def processes(self) -> int:
        return self._int(self._directories[3], "pids.current")

    def pids(self) -> list[int]:
        return read_pids(self._directories[3])

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
    if before is None:
        write_at(memory, "memory.swappiness", 0)
    if before is None or before.memory_bytes != settings.memory_bytes:
        _limit_memory(
            memory, settings.memory_bytes, raised=before is not None and before.memory_bytes < settings.memory_bytes
        )
    if before is None or before.cpu_shares != settings.cpu_shares:
        write_at(cpu, "cpu.shares", settings.cpu_shares)
    if settings.cpu_quota != (before.cpu_quota if before else None):
        write_at(cpu, "cpu.cfs_period_us", CPU_PERIOD_US)
        write_at(cpu, "cpu.cfs_quota_us", -1 if settings.cpu_quota is None else quota_us(settings.cpu_quota))
    if before is None or before.processes != settings.processes:
        write_at(directories["pids"], "pids.max", settings.processes)
    if before is None or before.cpu_set != settings.cpu_set:
        _fill_cpuset(directories["cpuset"], parent_cpuset, settings.cpu_set)


def _limit_memory(directory: int, limit: int, *, raised: bool) -> None:
    """Limit memory, and memory with swap, which may at no moment be the smaller of the two."""
    names = ["memory.limit_in_bytes", "memory.memsw.limit_in_bytes"]
    for name in reversed(names) if raised else names:
        # Without swap accounting (swapaccount=0) memsw is missing; no swapping is then what keeps the limit honest.
        write_at(directory, name, limit, optional=name == names[1])


def _fill_cpuset(group: int, parent: int, cpus: str | None) -> None:
    """A new v1 cpuset is empty, and an empty one takes no process."""
    write_at(group, "cpuset.mems", read_at(parent, "cpuset.mems").decode().strip())
    write_at(group, "cpuset.cpus", cpus if cpus is not None else read_at(parent, "cpuset.cpus").decode().strip())
