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


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerSpec:
    """A container to create."""

    id: str
    """Also the name of its cgroup."""
    image: str
    """Path of the image's root, a directory or an .erofs file, below the image store."""
    uid_base: int
    """First of its 65,536 ids on the host."""
    cgroup: Settings
    disk_bytes: int
    inodes: int

    @property
    def program_ids(self) -> tuple[int, int]:
        """User and group of the program, on the host."""
        return self.uid_base + PROGRAM_UID, self.uid_base + PROGRAM_GID

    def to_json(self) -> dict[str, Any]:
        """Return it as plain values."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> ContainerSpec:
        """Return what :meth:`to_json` made plain."""
        return cls(**{**value, "cgroup": Settings(**value["cgroup"])})


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
