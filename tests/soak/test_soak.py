"""Very many programs of all kinds, and nothing of them is left: in no process of ours, in no file, nowhere in the kernel.

``SOAK_N`` says how many, 100,000 unless it is set. What there is after the first tenth is compared with what there is after each other;
of what comes and goes besides (memory, the kernel's objects) with the least after any tenth of the second half: what has leaked stays.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import socket
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from sandboxd.attack.target import attacked
from tests.figures import show
from tests.observe import children, memory_bytes, wait_until_idle
from tests.slowness import SLOWNESS
from tests.soak.mix import MIX

SOAK_N = int(os.environ.get("SOAK_N", "100000"))
TENTHS = 10
IN_FLIGHT = 8
MOST_LEFT = 0.001  # of an execution, of each kind of kernel object
ALLOWANCE = 64  # of a kind, for others who use the machine
SETTLE_S = 30.0 * SLOWNESS
MIB = 1 << 20
MOST_GROWN = {  # from the first tenth to the second half: for each execution, and once
    "server: blocks of Python's objects": (0.02, 500),
    "server: bytes of the heap in use": (32, MIB // 4),  # gRPC loses 80 for some calls that are cancelled
    "server: RssAnon": (32, 3 * MIB // 2),  # with the gaps between what is in use
    "launcher: RssAnon": (0, MIB // 2),
}
PROBE = Path(__file__).parent / "probe"
SLAB = Path("/sys/kernel/slab")
KERNEL = (
    "net_namespace",
    "pid_namespace",
    "user_namespace",
    "uts_namespace",
    "nsproxy",
    "mnt_cache",
    "mem_cgroup",
    "task_group",
    "task_struct",
    "signal_cache",
    "shmem_inode_cache",
    "sock_inode_cache",
    "ovl_inode",
)


def run_tenth(client):
    """Run a tenth of all, a few at a time; returns how many of each kind ended how."""
    names = list(MIX)
    with ThreadPoolExecutor(IN_FLIGHT) as threads:
        kinds = [names[number % len(names)] for number in range(SOAK_N // TENTHS)]
        return Counter(zip(kinds, threads.map(lambda kind: MIX[kind][1](client), kinds), strict=True))


def kernel_objects():
    """Count objects in the kernel's caches. Before, it is asked to give back what no one uses, which it counts as used."""
    for name in KERNEL:
        with contextlib.suppress(FileNotFoundError):
            (SLAB / name / "shrink").write_text("1")
    lines = [line.split() for line in Path("/proc/slabinfo").read_text().splitlines()]
    return {line[0]: int(line[1]) for line in lines if line[0] in KERNEL}


def memory_of(target, probe):
    """Return the memory of server and launcher: what is in use by the server's own word, what is resident by the kernel's."""
    (launcher,) = children(target.server.pid)
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect("\0" + probe)
        in_use = json.loads(connection.makefile().read())
    figures = [*in_use, *map(memory_bytes, (target.server.pid, launcher))]
    return dict(zip(MOST_GROWN, figures, strict=True))


def test_nothing_is_left_of_very_many_executions(guard):
    probe = f"sandboxd-soak-{secrets.token_hex(8)}"
    env = {
        "SOAK_PROBE": probe,
        "PYTHONPATH": os.pathsep.join([str(PROBE), *filter(None, [os.environ.get("PYTHONPATH")])]),
    }
    with attacked("--metrics-listen", "127.0.0.1:0", env=env, guard=guard, patience=SLOWNESS) as target:
        ended, memory, seen, kernel, left = Counter(), [], [], [], []
        for _ in range(TENTHS):
            ended += run_tenth(target.client)
            wait_until_idle(target.server.metrics_address)
            memory.append(memory_of(target, probe))
            left += target.left(seen[0], SETTLE_S) if seen else []
            seen.append(target.seen() if seen else target.settled(SETTLE_S))
            kernel.append(kernel_objects())
    show_all(ended, memory, seen, kernel)
    most_grown = MOST_GROWN | dict.fromkeys(kernel[0], (MOST_LEFT, ALLOWANCE))
    most = {name: once + each * SOAK_N / 2 for name, (each, once) in most_grown.items()}
    growth = grown(memory) | grown(kernel)

    assert not left
    assert {(name, how) for name, (how, _) in MIX.items()} == set(ended)
    assert {} == {
        name: f"{more:,} more, {most[name]:,.0f} allowed" for name, more in growth.items() if more > most[name]
    }


def grown(tenths):
    """Return by how much each figure has grown since the first tenth, whatever comes and goes: by the least of the second half.

    Others' containers come and go, and so do gaps in the heap: one tenth has peaks that another has not.
    """
    return {name: min(tenth[name] for tenth in tenths[TENTHS // 2 :]) - first for name, first in tenths[0].items()}


def show_all(ended, memory, seen, kernel):
    """Print what has been run, and what there was after each tenth."""
    title = f"{SOAK_N:,} executions, {IN_FLIGHT} at a time"
    show(title, ("ended", "times"), [(kind, how, count) for (kind, how), count in sorted(ended.items())])
    columns = [f"{tenth}0 %" for tenth in range(1, TENTHS + 1)]
    rows = [(name, *(tenth[name] for tenth in memory)) for name in memory[0]]
    rows += [(what, *(tenth[what] for tenth in seen)) for what in seen[0]]
    rows += [(f"kernel: {name}", *(tenth[name] for tenth in kernel)) for name in kernel[0]]
    show("after", columns, rows)
