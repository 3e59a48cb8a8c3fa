"""Ten thousand executions leave nothing: the server's memory, and its and the launcher's descriptors, stay as they were."""

from __future__ import annotations

import threading
from pathlib import Path

from sandboxd.client import SandboxClient
from sandboxd.linux.procfs import count_descriptors
from sandboxd.v1 import execution_service_pb2 as pb
from tests.observe import (
    STEADY_POOL,
    children,
    containers_of,
    group_directories,
    memory_bytes,
    wait_for,
    wait_until_idle,
)
from tests.server import serving

FIRST, ALL = 1_000, 10_000
IN_FLIGHT = 8
MOST_GROWTH = 1.05
TRUE = pb.ExecuteRequest(command=pb.Command(argv=["/bin/true"]))


def run(client, count):
    """Run so many, a few at a time."""
    left, lock, failed = iter(range(count)), threading.Lock(), []

    def work():
        while True:
            with lock:
                if next(left, None) is None:
                    return
            response = client.execute(TRUE, timeout=60)
            if response.verdict != pb.VERDICT_OK:
                failed.append(pb.Verdict.Name(response.verdict))

    threads = [threading.Thread(target=work) for _ in range(IN_FLIGHT)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed, failed


def state(server, launcher):
    """Return what must not grow with the number of executions."""
    mounts = Path(f"/proc/{launcher}/mountinfo").read_text().count("\n")
    return {
        "descriptors of the server": count_descriptors(server),
        "descriptors of the launcher": count_descriptors(launcher),
        "mounts of the launcher": mounts,
        "groups": len(group_directories(launcher)),
        "processes": len(containers_of(launcher)),
    }


def settled(server, launcher):
    """Return state and memory once the last containers are gone and only the spare ones are left."""
    wait_until_idle(server.metrics_address)
    seen = [state(server.pid, launcher)]

    def steady():
        """The launcher clears up after the last ones, of whom the server knows nothing any more."""
        seen.append(state(server.pid, launcher))
        return seen[-1] == seen[-2]

    wait_for(steady)
    return seen[-1], [memory_bytes(pid) for pid in (server.pid, launcher)]


def test_ten_thousand_executions_leave_nothing():
    with (
        serving("--queue", "64", "--metrics-listen", "127.0.0.1:0", *STEADY_POOL) as server,
        SandboxClient(server.address) as client,
    ):
        run(client, FIRST)
        (launcher,) = children(server.pid)
        before, memory = settled(server, launcher)
        run(client, ALL - FIRST)
        after, grown = settled(server, launcher)
    print(f"\n{'memory, MiB':<34} {'1,000':>8} {'10,000':>8} {'ratio':>8}")
    for name, first, last in zip(("server", "launcher"), memory, grown, strict=True):
        print(f"{name:<34} {first / 2**20:8.2f} {last / 2**20:8.2f} {last / first:8.3f}")

    assert before == after
    assert grown[0] <= MOST_GROWTH * memory[0]
    assert grown[1] <= MOST_GROWTH * memory[1]
