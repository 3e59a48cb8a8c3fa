"""What a launcher is told to make and an init to start: values that cross process boundaries."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sandboxd.linux.cgroups.base import Settings
from sandboxd.model import shallow_dict

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
    def owner(self) -> int:
        """User and group, outside, who owns the user namespace and what init sets up in it."""
        return self.outside(self.root)

    @property
    def init(self) -> int:
        """Whom init acts as, inside, once a program may run."""
        return PROGRAM_UID if self.single else INIT_UID


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerSpec:
    """A container to create."""

    id: str
    """Also the name of its cgroup."""
    image: tuple[str, ...]
    """Paths of the image's layers, directories or .erofs files, below the image store; the lowest first."""
    ids: IdMap
    cgroup: Settings
    disk_bytes: int
    inodes: int
    own_network: bool = True
    """Whether nobody has its network namespace before or after it, and its root owns it; else one is used in which nothing has happened."""
    forked: bool = False
    """Whether its program is forked from a template, and not exec'ed by its init."""

    @property
    def program_ids(self) -> tuple[int, int]:
        """User and group of the program, outside."""
        return self.ids.outside(PROGRAM_UID), self.ids.outside(PROGRAM_GID)

    @property
    def owner(self) -> int:
        """User and group, outside, of what init sets up."""
        return self.ids.owner

    def to_json(self) -> dict[str, Any]:
        """Return it as plain values."""
        return {**shallow_dict(self), "ids": shallow_dict(self.ids), "cgroup": shallow_dict(self.cgroup)}

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> ContainerSpec:
        """Return what :meth:`to_json` made plain."""
        ids = IdMap(tuple(tuple(extent) for extent in value["ids"]["extents"]))
        settings = Settings(**value["cgroup"])
        return cls(**{**value, "image": tuple(value["image"]), "ids": ids, "cgroup": settings})


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateSpec:
    """A template to start."""

    id: str
    """Also the name of its cgroup."""
    image: tuple[str, ...]
    """As of a container."""
    uid: int
    """User and group outside, which nobody else has."""
    cgroup: Settings
    argv: tuple[str, ...]
    env: dict[str, str]
    stack_bytes: int
    place: str
    """Path in the image where its hook is put."""
    preload: tuple[str, ...]
    """What its hook loads."""

    def to_json(self) -> dict[str, Any]:
        """Return it as plain values."""
        return {**shallow_dict(self), "cgroup": shallow_dict(self.cgroup)}

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> TemplateSpec:
        """Return what :meth:`to_json` made plain."""
        return cls(
            **{
                **value,
                "image": tuple(value["image"]),
                "cgroup": Settings(**value["cgroup"]),
                "argv": tuple(value["argv"]),
                "preload": tuple(value["preload"]),
            }
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgramSpec:
    """A program to start in a container that waits."""

    argv: tuple[str, ...]
    env: tuple[tuple[str, str], ...]
    tty: bool
    columns: int = 80
    rows: int = 24
    """Size of the terminal, where there is one."""
    cpu_seconds: int
    processes: int
    open_files: int
    file_size_bytes: int
    stack_bytes: int
