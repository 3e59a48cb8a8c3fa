"""Groups that tests make for themselves, inside the guard."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from sandboxd.attack.guard import PARENT_VARIABLE, enable_controllers
from sandboxd.linux import cgroups, process


@contextlib.contextmanager
def group_of(limits: Mapping[str, int]) -> Iterator[str]:
    """Make a group for a server's containers inside the guard; gives its path, which every hierarchy has.

    ``limits`` are by the names of their files, in v1 and in v2: each is set where there is such a file.
    """
    points = cgroups.mount_points()
    if cgroups.detect_version() == 1:
        roots = {Path(point) for controller, point in points.items() if controller}
        parent = process.self_cgroups()["pids"]
    else:
        roots = {Path(points[""])}
        parent = os.environ[PARENT_VARIABLE]
        enable_controllers(Path(points[""]) / parent.lstrip("/"))
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


def _inherit_cpus(group: Path) -> None:
    """Give a new cpuset of v1, which has none, the CPUs of its parent."""
    for name in ("cpuset.cpus", "cpuset.mems"):
        if (group / name).exists() and not (group / name).read_text().strip():
            (group / name).write_text((group.parent / name).read_text())
