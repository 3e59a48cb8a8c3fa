"""A control group around everything that the tests start: a bomb that got out would end here and not take the machine.

The test process itself moves in, so that servers, launchers and containers are born inside; what is left in it at the end
is what they have leaked.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from sandboxd.linux.cgroups import v1
from tests.slowness import SLOWNESS

MEMORY_BYTES = 6 << 30
PROCESSES = 2000
PARENT_VARIABLE = "SANDBOXD_CGROUP_PARENT"
_SETTLE_S = 5.0 * SLOWNESS
_V2 = ""


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
    """The group: a directory in each v1 hierarchy that counts, or one of v2."""

    def __init__(self) -> None:
        self._name = f"sandboxd-guard-{os.getpid()}"
        mounts, own = _mounts(), _own()
        controllers = ("memory", "pids") if "memory" in mounts else (_V2,)
        self._before = {name: mounts[name] / own[name].lstrip("/") for name in controllers}
        # On v2 only a group without processes has children with controllers, and the root is the one exception.
        self._groups = {name: (self._before[name] if name else mounts[name]) / self._name for name in controllers}

    def enter(self) -> None:
        """Make it and move this process in."""
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
                for child in ("tests", "servers"):
                    (group / child).mkdir()
                os.environ[PARENT_VARIABLE] = f"/{self._name}/servers"
            (group / ("" if controller else "tests") / "cgroup.procs").write_text(str(os.getpid()))

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
            _remove(group)
        os.environ.pop(PARENT_VARIABLE, None)
        return left

    def snapshot(self) -> Snapshot:
        """Look at what there is inside, and at this process's mounts."""
        groups = [path for group in self._groups.values() for path in _directories(group)]
        return Snapshot(frozenset(self._others()), frozenset(map(str, groups)), frozenset(_mount_points()))

    def settle(self, leftovers: Callable[[], list[str]]) -> list[str]:
        """Return what is left over once nothing is, or after a while."""
        deadline = time.monotonic() + _SETTLE_S
        while (left := leftovers()) and time.monotonic() < deadline:
            time.sleep(0.02)
        return left

    def _others(self) -> list[str]:
        pids = set().union(*map(_pids, self._groups.values())) - {os.getpid()}
        return [f"process {pid} {_command(pid)}" for pid in sorted(pids)]


@contextlib.contextmanager
def guarded() -> Iterator[Guard]:
    """Run the block inside a new guard. AssertionError when processes, groups or mounts are left."""
    guard, mounts = Guard(), _mount_points()
    guard.enter()
    try:
        yield guard
    finally:
        left = guard.leave() + sorted(_mount_points() - mounts)
    assert not left, f"the tests left behind: {left}"


@contextlib.contextmanager
def group_of(limits: Mapping[str, int]) -> Iterator[str]:
    """Make a group for a server's containers inside the guard; gives its path, which every hierarchy has.

    ``limits`` are by the names of their files, in v1 and in v2: each is set where there is such a file.
    """
    mounts = _mounts()
    if "memory" in mounts:
        roots = {mounts[controller] for controller in v1.CONTROLLERS}
        parent = _own()["pids"]
    else:
        roots = {mounts[_V2]}
        parent = os.environ[PARENT_VARIABLE]
        enable_controllers(mounts[_V2] / parent.lstrip("/"))
    path = f"{parent.rstrip('/')}/group-{os.getpid()}"
    made: list[Path] = []
    try:
        for root in roots:
            place = root / path.lstrip("/")
            for group in (*reversed(place.parents), place):
                if not group.exists():
                    group.mkdir()
                    made.append(group)
                    _inherit_cpus(group)
            for name, limit in limits.items():
                if (place / name).exists():
                    (place / name).write_text(str(limit))
        yield path
    finally:
        for group in reversed(made):
            group.rmdir()


_OURS = frozenset({"tests", "servers", "sandboxd-supervisor"})


def _mounts() -> dict[str, Path]:
    """Return where each v1 controller is mounted, and v2 under ''."""
    found: dict[str, Path] = {}
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        left, _, right = line.partition(" - ")
        fstype, _, options = right.split(" ", 2)
        names = [_V2] if fstype == "cgroup2" else options.split(",") if fstype == "cgroup" else []
        for name in names:
            found.setdefault(name, Path(left.split(" ")[4]))
    return found


def _own() -> dict[str, str]:
    """Return this process's group in each hierarchy."""
    own = {}
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        own.update(dict.fromkeys(controllers.split(","), path))
    return own


def enable_controllers(group: Path) -> None:
    """Let the children of a group of v2 have the controllers."""
    (group / "cgroup.subtree_control").write_text("+memory +pids +cpu +cpuset")


def _inherit_cpus(group: Path) -> None:
    """Give a new cpuset of v1, which has none, the CPUs of its parent."""
    for name in ("cpuset.cpus", "cpuset.mems"):
        if (group / name).exists() and not (group / name).read_text().strip():
            (group / name).write_text((group.parent / name).read_text())


def _directories(group: Path) -> list[Path]:
    """List the groups below one; os.walk passes over what goes away meanwhile."""
    return [Path(directory) for directory, _, _ in os.walk(group)][1:]


def _pids(group: Path) -> set[int]:
    pids: set[int] = set()
    for directory in (group, *_directories(group)):
        with contextlib.suppress(OSError):  # ENOENT, ENODEV: it went away meanwhile
            pids.update(map(int, (directory / "cgroup.procs").read_text().split()))
    return pids


def _remove(group: Path) -> None:
    deadline = time.monotonic() + _SETTLE_S
    for directory in (*sorted(_directories(group), reverse=True), group):
        while True:
            try:
                directory.rmdir()
                break
            except OSError:  # EBUSY: what was killed is still dying
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.02)


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text(errors="replace").replace("\0", " ")[:100]
    except OSError:
        return "(gone)"


def _mount_points() -> set[str]:
    return {f"mount {line.split(' ')[4]}" for line in Path("/proc/self/mountinfo").read_text().splitlines()}
