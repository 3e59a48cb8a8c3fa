"""Control groups, v1 and v2 behind one interface. v1 is used where it has the memory controller (hybrid hosts too)."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import signal
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sandboxd.linux import process
from sandboxd.linux.cgroups import v1, v2
from sandboxd.linux.cgroups.base import Counters, Group, Hierarchy, MemorySample, Observer, Settings, Stats

__all__ = [
    "Counters",
    "Group",
    "Hierarchy",
    "MemorySample",
    "Observer",
    "Settings",
    "Stats",
    "clear_the_way",
    "counts_swap",
    "describe",
    "detect_version",
    "instance_name",
    "mount_points",
    "observe",
    "open_hierarchy",
    "sweep",
]

_INSTANCE = re.compile(r"sandboxd\.(\d+)\.(\d+)")
_SUPERVISOR = "sandboxd-supervisor"
_SWEEP_S = 5.0
_SWEEP_POLL_S = 0.01


def detect_version() -> int:
    """Return 1 where cgroup v1 has the memory controller, else 2. OSError ENOENT where there is neither."""
    mounts = mount_points()
    if "memory" in mounts:
        return 1
    if "" in mounts:
        return 2
    raise FileNotFoundError(errno.ENOENT, "no cgroup file system is mounted")


@dataclass(frozen=True, slots=True)
class Description:
    """What this host has of cgroups."""

    place: str
    controllers: tuple[str, ...]
    writable: bool


def describe() -> Description:
    """Say what there is, changing nothing. OSError where there is no cgroup file system."""
    mounts, own = mount_points(), process.self_cgroups()
    if detect_version() == 1:
        present = tuple(controller for controller in v1.CONTROLLERS if controller in mounts)
        places = [_below(mounts[controller], own[controller]) for controller in present]
        return Description(mounts["memory"], present, all(os.access(place, os.W_OK) for place in places))
    root = mounts[""]
    place = root if os.access(root, os.W_OK) else _below(root, own[""])
    controllers = tuple(_words(place, "cgroup.controllers"))
    files = (place, *(os.path.join(place, name) for name in ("cgroup.procs", "cgroup.subtree_control")))
    return Description(place, controllers, all(os.access(file, os.W_OK) for file in files))


def counts_swap() -> bool:
    """Return whether a group's memory limit covers swap."""
    mounts = mount_points()
    if detect_version() == 1:
        return os.path.exists(os.path.join(mounts["memory"], "memory.memsw.limit_in_bytes"))
    root = mounts[""]
    groups = (_below(root, process.self_cgroups()[""]), *(os.path.join(root, entry) for entry in os.listdir(root)))
    return any(os.path.exists(os.path.join(group, "memory.swap.max")) for group in groups)


def instance_name() -> str:
    """Return the name of this process's own directory of groups; it says whether its owner is alive.

    By the number that the process has where /proc is from, which need not be the one that it has for itself.
    """
    return f"sandboxd.{os.readlink('/proc/self')}.{process.read_start_time('self')}"


def observe(version: int, directories: Sequence[int]) -> Observer:
    """Return the observer of a group from its directories' descriptors, which it then owns."""
    return v1.ObserverV1(directories) if version == 1 else v2.ObserverV2(directories)


def clear_the_way(parent: str | None) -> None:
    """Do for :func:`open_hierarchy` what takes this process's view of processes: the launcher sees only its own.

    Leftovers of servers that died are swept. On v2 a group with processes cannot have children with controllers, so this process
    moves to a leaf of its own group, and whoever it starts is born there; where others are in that group the root is taken instead.
    """
    if detect_version() == 1:
        sweep(set(_parents_v1(parent).values()))
    else:
        sweep([_existing(mount_points()[""], parent) if parent is not None else make_room([os.getpid()])])


def open_hierarchy(name: str, parent: str | None) -> Hierarchy:
    """Make the directory ``name`` for groups and return it, once the way is clear.

    ``parent`` is a path below the root of the hierarchy, by default this process's own group.
    """
    if detect_version() == 1:
        return v1.HierarchyV1(_parents_v1(parent), name)
    path = _existing(mount_points()[""], parent) if parent is not None else make_room(())
    return v2.HierarchyV2(path, name)


def sweep(parents: Iterable[str]) -> None:
    """Remove the directories of servers that are dead, killing what is left in them.

    What does not die in time stays, for the next: nobody is served meanwhile.
    """
    left = [directory for parent in parents for directory in _left_behind(parent)]
    deadline = time.monotonic() + _SWEEP_S
    while (left := [directory for directory in left if not _remove(directory)]) and time.monotonic() < deadline:
        time.sleep(_SWEEP_POLL_S)  # v1 has no event for a group that became empty


def _left_behind(parent: str) -> list[str]:
    """List the directories of servers that are dead, the inner ones first."""
    found = []
    for entry in os.listdir(parent):
        match = _INSTANCE.fullmatch(entry)
        if match and not process.is_alive(int(match[1]), int(match[2])):
            found += [directory for directory, _, _ in os.walk(os.path.join(parent, entry), topdown=False)]
    return found


def _remove(directory: str) -> bool:
    """Remove a group whose owner is dead; False where something in it still has to die, which is killed."""
    try:
        os.rmdir(directory)
    except FileNotFoundError:
        return True
    except OSError as error:
        if error.errno != errno.EBUSY:
            raise
        _kill_members(directory)
        return False
    return True


def _kill_members(directory: str) -> None:
    """Kill the processes of a group; by pidfd, and only those that are in it still, so that no reused number is hit."""
    for pid in _procs(directory):
        with contextlib.suppress(ProcessLookupError):
            pidfd = os.pidfd_open(pid)
            try:
                if pid in _procs(directory):
                    process.pidfd_signal(pidfd, signal.SIGKILL)
            finally:
                os.close(pidfd)


def mount_points() -> dict[str, str]:
    """Return where each v1 controller is mounted, and under '' where v2 is. See proc(5) for mountinfo."""
    found: dict[str, str] = {}
    with open("/proc/self/mountinfo", encoding="utf-8") as file:
        for line in file:
            left, _, right = line.rstrip("\n").partition(" - ")
            fstype, _, options = right.split(" ", 2)
            point = left.split(" ")[4]
            if fstype == "cgroup2":
                found.setdefault("", point)
            elif fstype == "cgroup":
                for option in options.split(","):
                    if option in v1.CONTROLLERS:
                        found.setdefault(option, point)
    return found


def _parents_v1(parent: str | None) -> dict[str, str]:
    mounts, own = mount_points(), process.self_cgroups()
    missing = [controller for controller in v1.CONTROLLERS if controller not in mounts]
    if missing:
        raise FileNotFoundError(errno.ENOENT, f"cgroup v1 controllers are not mounted: {' '.join(missing)}")
    if parent is not None:
        return {controller: _existing(mounts[controller], parent) for controller in v1.CONTROLLERS}
    return {controller: _below(mounts[controller], own[controller]) for controller in v1.CONTROLLERS}


def _existing(mount_point: str, path: str) -> str:
    """Return the directory of a group that the configuration names: another one would not have its limits."""
    full = os.path.join(mount_point, path.lstrip("/"))
    if not os.path.isdir(full):
        raise FileNotFoundError(errno.ENOENT, "the parent group does not exist", full)
    return full


def _below(mount_point: str, path: str) -> str:
    """Return the directory of a group; one outside the cgroup namespace or bind mount is the mount's root."""
    full = os.path.join(mount_point, path.lstrip("/"))
    return full if ".." not in path.split("/") and os.path.isdir(full) else mount_point


def make_room(members: Sequence[int]) -> str:
    """Return where this process can make groups with controllers, on v2: below its own group, or else below the root.

    In the former case ``members`` move to a leaf of it. OSError EACCES where neither is possible.
    """
    root = mount_points()[""]
    own = _below(root, process.self_cgroups()[""])
    if os.path.basename(own) == _SUPERVISOR:
        own = os.path.dirname(own)  # a launcher that takes the place of one that died is born in the leaf
    if own == root:
        _leave_to_leaf(root, None)
        return root
    obstacle = _obstacle(own, members)
    if obstacle is None:
        _leave_to_leaf(own, members)
        return own
    if not os.access(root, os.W_OK):
        raise PermissionError(errno.EACCES, f"{obstacle} (docs/operations.md, cgroup v2)", own)
    return root


def _obstacle(group: str, members: Sequence[int]) -> str | None:
    """Say why a group of v2 cannot be divided; None where it can, once ``members`` have left it."""
    if missing := set(v2.CONTROLLERS) - set(_words(group, "cgroup.controllers")):
        return f"this group has no {' '.join(sorted(missing))}"
    return None if set(_procs(group)) <= set(members) else "other processes are in this group"


def _leave_to_leaf(group: str, members: Sequence[int] | None) -> None:
    """Empty ``group`` into a leaf if that is what it takes to give its children controllers.

    The root of the whole machine may keep its processes; the root that a container engine shows may not.
    """
    fd = os.open(group, os.O_DIRECTORY | os.O_RDONLY | os.O_CLOEXEC)
    try:
        try:
            v2.enable_controllers(fd)
        except OSError as error:
            if error.errno != errno.EBUSY:
                raise
            leaf = os.path.join(group, _SUPERVISOR)
            if not os.path.isdir(leaf):
                os.mkdir(leaf)
                os.chmod(leaf, 0o755)  # noqa: S103  (whatever the umask is: whoever is in it may look at it)
            for pid in _procs(group) if members is None else members:
                with contextlib.suppress(ProcessLookupError), open(os.path.join(leaf, "cgroup.procs"), "w") as file:
                    file.write(str(pid))
            v2.enable_controllers(fd)
    finally:
        os.close(fd)


def _procs(group: str) -> list[int]:
    return [int(pid) for pid in _words(group, "cgroup.procs")]


def _words(directory: str, name: str) -> list[str]:
    with open(os.path.join(directory, name), encoding="ascii") as file:
        return file.read().split()
