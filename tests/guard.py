"""A control group around everything that the tests start: a bomb that got out would end here and not take the machine.

The test process itself moves in, so that servers, launchers and containers are born inside.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

MEMORY_BYTES = 8 << 30
PROCESSES = 4000


def _groups() -> dict[str, Path]:
    """Return where this process is, by v1 controller, or in v2 under ''."""
    mounts: dict[str, str] = {}
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        left, _, right = line.partition(" - ")
        fstype, _, options = right.split(" ", 2)
        point = left.split(" ")[4]
        if fstype == "cgroup2":
            mounts.setdefault("", point)
        elif fstype == "cgroup":
            for option in options.split(","):
                mounts.setdefault(option, point)
    own = {}
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        for controller in controllers.split(","):
            own[controller] = path
    wanted = ("memory", "pids") if "memory" in mounts else ("",)
    return {name: Path(mounts[name]) / own[name].lstrip("/") for name in wanted}


@contextlib.contextmanager
def guard() -> Iterator[None]:
    """Run the block inside a new group with hard limits, and remove it afterwards."""
    name = f"sandboxd-guard-{os.getpid()}"
    before = _groups()
    made = {controller: place / name for controller, place in before.items()}
    for controller, place in made.items():
        if controller == "":
            (place.parent / "cgroup.subtree_control").write_text("+memory +pids +cpu +cpuset")
        place.mkdir()
        if controller in ("memory", ""):
            limit = "memory.limit_in_bytes" if controller else "memory.max"
            (place / limit).write_text(str(MEMORY_BYTES))
        if controller in ("pids", ""):
            (place / "pids.max").write_text(str(PROCESSES))
        (place / "cgroup.procs").write_text(str(os.getpid()))
    try:
        yield
    finally:
        for controller, place in made.items():
            (before[controller] / "cgroup.procs").write_text(str(os.getpid()))
            for directory in sorted(place.rglob("*"), reverse=True):
                if directory.is_dir():
                    directory.rmdir()
            place.rmdir()
