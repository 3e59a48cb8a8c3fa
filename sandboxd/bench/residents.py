"""Containers that wait, and containers that live: the memory of the former, and what the latter cost everybody else."""

from __future__ import annotations

import contextlib
import os
import time
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path

import grpc

from sandboxd.bench import programs
from sandboxd.bench.figures import Row
from sandboxd.bench.latency import Contender, timed
from sandboxd.bench.stage import FIRST_ID_OF_SERVERS
from sandboxd.bench.turns import Broken
from sandboxd.client import SandboxClient
from sandboxd.client.server import ServerProcess, serving
from sandboxd.linux import cgroups

_POLL_S = 0.05  # /metrics has no events
_QUIET_S = 1.0
_WITHIN_S = 120.0
_WARM_UP = 30
_SPARE_SLOTS = 16
_IDS_OF_A_SERVER = 2048 * 65536  # sandboxd.config, uid_slots


@contextlib.contextmanager
def server_with_metrics(number: int, *flags: str) -> Iterator[tuple[ServerProcess, SandboxClient]]:
    """Start a server, the ``number``-th beside the one that is measured, of which it can be seen how many containers it has."""
    ids = {"SANDBOXD_UID_BASE": str(FIRST_ID_OF_SERVERS + number * _IDS_OF_A_SERVER)}
    with (
        serving("--metrics-listen", "127.0.0.1:0", *flags, env=ids) as server,
        SandboxClient(server.address) as client,
    ):
        yield server, client


def idle_memory() -> Iterator[Row]:
    """Measure what a container takes that waits for a Python program: all that its control group is charged with.

    A server of its own is asked for nothing but Python, so that all that waits there waits for that.
    """
    with server_with_metrics(0) as (server, client):
        starts = [programs.start(client.execute(programs.request("python"))) for _ in range(_WARM_UP)]
        _settle(server)
        (launcher,) = server.children()
        waiting = group_memory(launcher)
    if not waiting:
        raise Broken("no container waits")
    # With a template there are some without its fork, too, for what is no Python.
    most = max(processes for processes, _ in waiting)
    samples = [memory / 2**20 for processes, memory in waiting if processes == most]
    yield Row(
        name="memory/idle",
        about="memory of a Python container that waits",
        unit="MiB",
        samples=samples,
        note=f"{len(samples)} waited, the largest {max(samples):.2f}; {programs.describe_starts(starts[-5:])}",
    )


def group_memory(launcher: int) -> Sequence[tuple[int, int]]:
    """Return of each container of a launcher how many processes are in it, and what its group is charged with in bytes."""
    points = cgroups.mount_points()
    v1 = cgroups.detect_version() == 1
    root, name = (points["memory"], "memory.usage_in_bytes") if v1 else (points[""], "memory.current")
    groups = [
        group
        for directory, names, _ in os.walk(root)
        for instance in names
        if instance.startswith(f"sandboxd.{launcher}.")
        for group in Path(directory, instance).iterdir()
        if group.is_dir()
    ]
    return [
        (processes, int((group / name).read_text())) for group in groups if (processes := _contained(group, launcher))
    ]


def _contained(group: Path, launcher: int) -> int:
    """Count a container's processes; of a template, which has a group too, none: it is in the launcher's pid namespace."""
    own = os.readlink(f"/proc/{launcher}/ns/pid")
    pids = (group / "cgroup.procs").read_text().split()
    return sum(os.readlink(f"/proc/{pid}/ns/pid") != own for pid in pids)


@contextlib.contextmanager
def neighbours(count: int) -> Iterator[Sequence[Contender]]:
    """Start two servers, one with one live container and one with so many, and give what is to be compared: /bin/true on each."""
    with (
        _with_live(1, 1) as alone,
        _with_live(2, count) as crowded,
    ):
        yield (
            Contender(
                name="live/one", about="/bin/true with 1 live container", turn=timed(lambda: alone.execute(_TRUE))
            ),
            Contender(
                name="live/many",
                about=f"/bin/true with {count:,} live containers",
                turn=timed(lambda: crowded.execute(_TRUE)),
                against="live/one",
            ),
        )


_TRUE = programs.request("true")


@contextlib.contextmanager
def _with_live(number: int, count: int) -> Iterator[SandboxClient]:
    """Give a client of a server in which so many programs sleep."""
    with server_with_metrics(number, "--slots", str(count + _SPARE_SLOTS)) as (server, client):
        sleepers = [client.stub.Execute.future(programs.sleeper()) for _ in range(count)]
        try:
            _wait(server, "live", count, sleepers)
            yield client
        finally:
            for sleeper in sleepers:
                sleeper.cancel()
            _wait(server, "live", 0, ())


def _wait(server: ServerProcess, state: str, count: int, sleepers: Sequence[grpc.Future]) -> None:
    deadline = time.monotonic() + _WITHIN_S
    while containers(server, state) != count:
        ended = next((sleeper for sleeper in sleepers if sleeper.done()), None)
        if ended is not None:
            raise Broken(f"a program that should live has ended: {ended.exception() or ended.result().verdict}")
        if time.monotonic() > deadline:
            raise Broken(f"not {count} containers are {state} after {_WITHIN_S:g} s")
        time.sleep(_POLL_S)


def _settle(server: ServerProcess) -> None:
    """Wait until the number of containers that wait has not changed for a while, and none is live."""
    deadline = time.monotonic() + _WITHIN_S
    seen, since = -1.0, time.monotonic()
    while time.monotonic() - since < _QUIET_S:
        now = containers(server, "pooled") - containers(server, "live")
        if now != seen:
            seen, since = now, time.monotonic()
        if time.monotonic() > deadline:
            raise Broken("the server's containers come and go while nothing is asked for")
        time.sleep(_POLL_S)


def containers(server: ServerProcess, state: str) -> float:
    """Ask a server how many containers it has that are ``live`` or ``pooled``."""
    with urllib.request.urlopen(f"http://{server.metrics_address}/metrics", timeout=_WITHIN_S) as response:
        text: str = response.read().decode()
    head = f'sandboxd_containers{{state="{state}"}} '
    return next((float(line.removeprefix(head)) for line in text.splitlines() if line.startswith(head)), 0.0)
