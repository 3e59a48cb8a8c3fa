"""A control group around everything that attacks start: a bomb that got out would end here and not take the machine.

The process that attacks moves in itself, so that servers, launchers and containers are born inside; what is left in it at
the end is what they have leaked.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from sandboxd.linux import cgroups, mounts, process
from sandboxd.linux.cgroups import v2

MEMORY_BYTES = 6 << 30
PROCESSES = 2000
PARENT_VARIABLE = "SANDBOXD_CGROUP_PARENT"
_SETTLE_S = 5.0
_POLL_S = 0.02
_V2 = ""
_OURS = frozenset({"attackers", "servers", "sandboxd-supervisor"})


class LeftBehind(Exception):
    """The message has what was left."""


@dataclass(frozen=True)
class Snapshot:
    """What there is of processes, groups and mounts at one moment."""

    processes: frozenset[str]
    groups: frozenset[str]
    mounts: frozenset[str]

    def __sub__(self, other: Snapshot) -> list[str]:
        """List what is here and was not there."""
        return sorted((self.processes - other.processes) | (self.groups - other.groups) | (self.mounts - other.mounts))


class Guard:
    """The group: a directory in each v1 hierarchy that counts, or one of v2. ``settle_s``: how long dying may take."""

    def __init__(self, settle_s: float = _SETTLE_S) -> None:
        self._settle_s = settle_s
        # With the time of this process's start, for one of its number that died may have left its own.
        self._name = f"sandboxd-guard-{os.getpid()}.{process.read_start_time('self')}"
        roots = {name: Path(point) for name, point in cgroups.mount_points().items()}
        own = process.self_cgroups()
        controllers = ("memory", "pids") if cgroups.detect_version() == 1 else (_V2,)
        self._before = {name: roots[name] / own[name].lstrip("/") for name in controllers}
        self._groups = {name: self._before[name] / self._name for name in controllers}
        self._root_v2 = roots.get(_V2, Path())

    def enter(self) -> None:
        """Make it and move this process in."""
        if _V2 in self._groups:
            # Only a group without processes has children with controllers: so this process may have to go to a leaf first.
            parent = Path(cgroups.make_room([os.getpid()]))
            self._before[_V2] = self._root_v2 / process.self_cgroups()[_V2].lstrip("/")
            self._groups[_V2] = parent / self._name
        for controller, group in self._groups.items():
            if controller == _V2:
                enable_controllers(group.parent)
            group.mkdir()
            if controller in ("memory", _V2):
                (group / ("memory.limit_in_bytes" if controller else "memory.max")).write_text(str(MEMORY_BYTES))
            if controller in ("pids", _V2):
                (group / "pids.max").write_text(str(PROCESSES))
            if controller == _V2:
                enable_controllers(group)
                for child in ("attackers", "servers"):
                    (group / child).mkdir()
                os.environ[PARENT_VARIABLE] = f"/{(group / 'servers').relative_to(self._root_v2)}"
            (group / ("" if controller else "attackers") / "cgroup.procs").write_text(str(os.getpid()))

    def leave(self) -> list[str]:
        """Move this process back, end what is left and remove the group. Returns what was left."""
        left = self.settle(self._others)
        for group in self._groups.values():
            for pid in _pids(group) - {os.getpid()}:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        for controller, group in self._groups.items():
            (self._before[controller] / "cgroup.procs").write_text(str(os.getpid()))
            left += [str(path) for path in _directories(group) if path.name not in _OURS]
            self._remove(group)
        os.environ.pop(PARENT_VARIABLE, None)
        return left

    def snapshot(self) -> Snapshot:
        """Look at what there is inside, and at this process's mounts."""
        groups = [path for group in self._groups.values() for path in _directories(group)]
        return Snapshot(frozenset(self._others()), frozenset(map(str, groups)), frozenset(_mount_points()))

    def settle(self, leftovers: Callable[[], list[str]]) -> list[str]:
        """Return what is left over once nothing is, or after a while."""
        deadline = time.monotonic() + self._settle_s
        while (left := leftovers()) and time.monotonic() < deadline:
            time.sleep(_POLL_S)
        return left

    def _others(self) -> list[str]:
        pids = set().union(*map(_pids, self._groups.values())) - {os.getpid()}
        return [f"process {pid} {_command(pid)}" for pid in sorted(pids)]

    def _remove(self, group: Path) -> None:
        deadline = time.monotonic() + self._settle_s
        for directory in (*sorted(_directories(group), reverse=True), group):
            while True:
                try:
                    directory.rmdir()
                    break
                except OSError:  # EBUSY: what was killed is still dying
                    if time.monotonic() > deadline:
                        raise
                    time.sleep(_POLL_S)


@contextlib.contextmanager
def guarded(settle_s: float = _SETTLE_S) -> Iterator[Guard]:
    """Run the block inside a new guard. LeftBehind when processes, groups or mounts are left."""
    guard, mounted = Guard(settle_s), _mount_points()
    guard.enter()
    try:
        yield guard
    finally:
        left = guard.leave() + sorted(_mount_points() - mounted)
    if left:
        raise LeftBehind(", ".join(left))


def withdraw() -> None:
    """Leave the mount and IPC namespaces of everybody else: what others mount meanwhile must not be blamed on an attack."""
    process.unshare(process.Namespace.MOUNT | process.Namespace.IPC)
    mounts.make_private()


def enable_controllers(group: Path) -> None:
    """Let the children of a group of v2 have the controllers."""
    fd = os.open(group, os.O_DIRECTORY | os.O_RDONLY | os.O_CLOEXEC)
    try:
        v2.enable_controllers(fd)
    finally:
        os.close(fd)


def _directories(group: Path) -> list[Path]:
    """List the groups below one; os.walk passes over what goes away meanwhile."""
    return [Path(directory) for directory, _, _ in os.walk(group)][1:]


def _pids(group: Path) -> set[int]:
    pids: set[int] = set()
    for directory in (group, *_directories(group)):
        with contextlib.suppress(OSError):  # ENOENT, ENODEV: it went away meanwhile
            pids.update(map(int, (directory / "cgroup.procs").read_text().split()))
    return pids


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text(errors="replace").replace("\0", " ")[:100]
    except OSError:
        return "(gone)"


def _mount_points() -> set[str]:
    return {f"mount {line.split(' ')[4]}" for line in Path("/proc/self/mountinfo").read_text().splitlines()}
