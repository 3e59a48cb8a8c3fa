"""What tests see of a server from outside: its processes, descriptors and groups by /proc, its figures by /metrics."""

from __future__ import annotations

import os
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sandboxd.linux import procfs
from tests.slowness import SLOWNESS

SPARE = 4
STEADY_POOL = ("--pool-min", str(SPARE), "--pool-max", str(SPARE))
"""Flags of a server that keeps ``SPARE`` containers ready whatever is asked of it, for tests that count."""
_HEAP_BYTES = 64 << 20  # what glibc reserves for a thread's heap, at a multiple of it


def wait_for(condition: Callable[[], Any], seconds: float = 10) -> Any:
    """Poll until a condition holds, where there is no event for it; returns its value."""
    end = time.monotonic() + seconds * SLOWNESS
    while not (value := condition()):
        assert time.monotonic() < end, "it did not come true"
        time.sleep(0.01)
    return value


def children(pid: int) -> list[int]:
    """Return the processes that this one started and that live."""
    try:
        return procfs.children(pid)
    except (FileNotFoundError, ProcessLookupError):
        return []


def containers_of(launcher: int) -> list[int]:
    """Return the inits of a launcher's containers, and its templates: all that came of its first child, the zygote, and is not that itself."""
    return children(launcher)[1:]


def descendants(pid: int) -> list[int]:
    """Return all that came of a process."""
    found = []
    for child in children(pid):
        found += [child, *descendants(child)]
    return found


def alive(pid: int) -> bool:
    """Whether a process runs; a zombie that waits for its reaper does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


def memory_bytes(pid: int, kind: str = "RssAnon") -> int:
    """Return memory of a process by the kernel's name for it; by default its anonymous resident pages, which are its own."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{kind}:"))


def thread_heaps(pid: int) -> int:
    """Return how many heaps of threads' own a process has: what is used of one and what is reserved are two mappings, one after the other."""
    lines = Path(f"/proc/{pid}/maps").read_text().splitlines()
    ends = {int(start, 16): int(end, 16) for start, _, end in (line.split()[0].partition("-") for line in lines)}
    return sum(start % _HEAP_BYTES == 0 and ends.get(end) == start + _HEAP_BYTES for start, end in ends.items())


def group_directories(launcher: int) -> list[Path]:
    """Return the directories of control groups that a launcher made."""
    found = []
    for directory, names, _ in os.walk("/sys/fs/cgroup"):
        found += [Path(directory, name) for name in names if name.startswith(f"sandboxd.{launcher}.")]
    return found


def scrape(address: str) -> str:
    """Return what the metrics port answers."""
    with urllib.request.urlopen(f"http://{address}/metrics", timeout=10) as response:
        return response.read().decode()


def sample(text: str, name: str, **labels: str) -> float:
    """Return a sample of a scrape; 0 where there is none."""
    for line in text.splitlines():
        series, _, number = line.rpartition(" ")
        if series.partition("{")[0] == name and all(f'{key}="{want}"' in series for key, want in labels.items()):
            return float(number)
    return 0.0


def wait_until_idle(metrics_address: str, spare: int | None = None) -> None:
    """Wait until a server has no container but those that it keeps ready, and all of those: ``spare``, or as many as it wants."""

    def idle() -> bool:
        text = scrape(metrics_address)
        states = {state: sample(text, "sandboxd_containers", state=state) for state in ("live", "pooled")}
        wanted = sample(text, "sandboxd_pool_target_containers") if spare is None else spare
        return states == {"live": 0, "pooled": wanted}

    wait_for(idle)
