"""What the figures were measured on."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path

from sandboxd.linux import cgroups


def describe() -> Mapping[str, object]:
    """Describe this machine, and how busy it was before anything was measured."""
    load = os.getloadavg()
    return {
        "CPU": f"{len(os.sched_getaffinity(0))} of {_model()}",
        "memory": f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.1f} GiB",
        "kernel": f"Linux {platform.release()}, cgroup v{cgroups.detect_version()}",
        "sandboxd": metadata.version("sandboxd"),
        "Python": platform.python_version(),
        "load average before": ", ".join(f"{value:.2f}" for value in load),
    }


def is_busy() -> bool:
    """Whether others have work on this machine: the figures are theirs, too, then."""
    return os.getloadavg()[0] > len(os.sched_getaffinity(0)) / 4


def _model() -> str:
    """Name the processor; arm64's kernels do not."""
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()
