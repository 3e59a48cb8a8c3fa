"""What a launcher is told to make and an init to start: values that cross process boundaries."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from sandboxd.linux.cgroups.base import Settings

IDS_PER_CONTAINER = 65536
INIT_UID = 999
PROGRAM_UID = 1000
PROGRAM_GID = 1000
WORKSPACE = "/workspace"
HOSTNAME = "sandbox"
# Init is in the container's cgroup and, by uid, in its RLIMIT_NPROC.
PROCESSES_OF_INIT = 1


@dataclass(frozen=True, slots=True)
class IdMap:
    """Which ids outside a container's ids are; users and groups alike."""

    extents: tuple[tuple[int, int, int], ...]
    """As user_namespaces(7) has it: first id inside, first id outside, how many."""

    def outside(self, inside: int) -> int:
        """Return what an id of the container is outside. KeyError where it is nobody there."""
        for first, outside, count in self.extents:
            if first <= inside < first + count:
                return outside + inside - first
        raise KeyError(inside)

    @property
    def single(self) -> bool:
        """Whether there is one id for root, init and program."""
        return sum(count for _, _, count in self.extents) == 1

    @property
    def root(self) -> int:
        """The container's root, inside: whom init is until all is set up."""
        return PROGRAM_UID if self.single else 0

    @property
    def init(self) -> int:
        """Whom init acts as, inside, once a program may run."""
        return PROGRAM_UID if self.single else INIT_UID


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerSpec:
    """A container to create."""

    id: str
    """Also the name of its cgroup."""
    image: str
    """Path of the image's root, a directory or an .erofs file, below the image store."""
    ids: IdMap
    cgroup: Settings
    disk_bytes: int
    inodes: int

    @property
    def program_ids(self) -> tuple[int, int]:
        """User and group of the program, outside."""
        return self.ids.outside(PROGRAM_UID), self.ids.outside(PROGRAM_GID)

    @property
    def owner(self) -> int:
        """User and group, outside, of what init sets up."""
        return self.ids.outside(self.ids.root)

    def to_json(self) -> dict[str, Any]:
        """Return it as plain values."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> ContainerSpec:
        """Return what :meth:`to_json` made plain."""
        ids = IdMap(tuple(tuple(extent) for extent in value["ids"]["extents"]))
        return cls(**{**value, "ids": ids, "cgroup": Settings(**value["cgroup"])})


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgramSpec:
    """A program to start in a container that waits."""

    argv: tuple[str, ...]
    env: dict[str, str]
    tty: bool
    columns: int = 80
    rows: int = 24
    """Size of the terminal, where there is one."""
    cpu_seconds: int
    processes: int
    open_files: int
    file_size_bytes: int
    stack_bytes: int

    def to_json(self) -> dict[str, Any]:
        """Return it as plain values."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> ProgramSpec:
        """Return what :meth:`to_json` made plain."""
        return cls(**{**value, "argv": tuple(value["argv"])})
