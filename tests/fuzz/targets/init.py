"""What an init that has been taken over may say to the server: any messages, in any order, with any descriptors."""

from __future__ import annotations

import asyncio
import functools
import os
import socket
import time
from collections.abc import Iterator, Sequence
from dataclasses import fields
from types import SimpleNamespace
from unittest import mock

from sandboxd.api import translate
from sandboxd.api.errors import to_status
from sandboxd.errors import ContainerLost, SetupFailed
from sandboxd.linux.cgroups.base import Counters, Settings, Stats
from sandboxd.linux.procfs import count_descriptors
from sandboxd.model import Phase
from sandboxd.runtime import supervisor, wire
from sandboxd.runtime.container import Container
from sandboxd.runtime.launcher_client import Created
from sandboxd.runtime.policy import Policy, default_directory, load_policies
from sandboxd.runtime.spec import ContainerSpec, IdMap
from sandboxd.runtime.supervisor import Run
from sandboxd.runtime.wire import InitMessage
from sandboxd.service.verdict import fault_domain, judge
from sandboxd.v1 import execution_service_pb2 as pb
from tests.fuzz import answers
from tests.unit import records

_SETTINGS = Settings(memory_bytes=1 << 20, processes=2, cpu_shares=1024, cpu_set=None)
_NOTHING_YET = Counters(cpu_ns=0, user_ns=0, system_ns=0, throttled_ns=None, minor_faults=0, major_faults=0)
_SPEC = ContainerSpec(id="c", image=("x",), ids=IdMap(((0, 0, 65536),)), cgroup=_SETTINGS, disk_bytes=1, inodes=1)
_STATS = Stats(
    cpu_ns=5_000_000_000,  # more than what init may claim for itself
    user_ns=4_000_000_000,
    system_ns=1_000_000_000,
    throttled_ns=0,
    memory_peak_bytes=1 << 20,
    oom_kills=0,
    processes_peak=2,
    process_refusals=0,
    minor_faults=1,
    major_faults=0,
)
_NOTHING = Stats(**{field.name: 0 for field in fields(Stats)})
_MOST_DESCRIPTORS = 0x1F
_PIDFDS = 0x20
_INIT_CPU_NS = 20_000_000


def fuzz(data: bytes) -> None:
    """Make an answer that can be sent of anything that init says, or end the container; keep no descriptor, raise nothing.

    Init's lies move the CPU time by its bound at most, and no moment out of the time that the run took. Each message has
    two bytes in front: how many descriptors come with it, pidfds or files, and its length.
    """
    _loop().run_until_complete(_tell(list(_split(data))))


def encode(*messages: tuple[bytes, int]) -> bytes:
    """Return what :func:`fuzz` takes for messages, each with so many pidfds."""
    return b"".join(bytes([_PIDFDS | fds, len(data)]) + data for data, fds in messages)


def _split(data: bytes) -> Iterator[tuple[bytes, int]]:
    while len(data) > 1:
        yield data[2 : 2 + data[1]], data[0]
        data = data[2 + data[1] :]


@functools.cache
def _loop() -> asyncio.AbstractEventLoop:
    loop = asyncio.new_event_loop()
    loop.set_exception_handler(lambda *_: None)  # futures that nobody here waits for
    return loop


@functools.cache
def _policy() -> Policy:
    return load_policies(default_directory())["default"]


class _Launcher:
    """A launcher that has nothing to do."""

    cgroup_version = 2
    gone = SimpleNamespace(done=lambda: False)


async def _tell(messages: Sequence[tuple[bytes, int]]) -> None:
    before = count_descriptors(os.getpid())
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    nowhere, group = (os.open("/proc", os.O_RDONLY | os.O_DIRECTORY) for _ in range(2))
    created = Created(os.pidfd_open(os.getpid()), nowhere, (group,))
    container = Container(_SPEC, _Launcher(), created, ours)
    container.baseline = _NOTHING_YET
    asked_ns = time.monotonic_ns()
    # This process plays the container's: it must not be killed.
    with theirs, mock.patch.object(container, "kill"):
        run = _run(container)
        for data, kinds in messages:
            _send(theirs, data, kinds)
            container.hear()
        _check_set_up(container)
        _check_end(run, container, asked_ns)
        if container._started.done() and container._started.exception() is None:
            master = container._started.result()[1]
            if master >= 0:
                os.close(master)
        container._let_go()
        container._close()
    # Fewer where the collector has closed others'.
    assert count_descriptors(os.getpid()) <= before, "a descriptor was kept"


def _run(container: Container) -> Run:
    watch = supervisor.Watch(on_started=lambda _: None, on_output=lambda: None, as_it_comes=False, on_waiting=None)
    run = Run(container, _policy().defaults, _policy().seccomp, watch, audit=False)
    container.on_end = run._on_end
    run._baseline, run._last = _NOTHING, _STATS
    return run


def _send(theirs: socket.socket, data: bytes, kinds: int) -> None:
    fds = [_descriptor(kinds) for _ in range(kinds & _MOST_DESCRIPTORS)]
    try:
        wire.send(theirs, data, fds)
    finally:
        for fd in fds:
            os.close(fd)


def _descriptor(kinds: int) -> int:
    return os.pidfd_open(os.getpid()) if kinds & _PIDFDS else os.open(os.devnull, os.O_RDONLY)


def _check_set_up(container: Container) -> None:
    """Check that a client can be told why there is no container, where there is none."""
    for future, kinds in ((container._ready, SetupFailed), (container._started, (SetupFailed, ContainerLost))):
        error = future.exception() if future.done() else None
        assert error is None or isinstance(error, kinds), error
        if error is not None:
            answers.check_size(to_status(error))


def _check_end(run: Run, container: Container, asked_ns: int) -> None:
    """Check the answer of a run whose init has said all this."""
    if not container._started.done() or container._started.exception() is not None:
        return
    run._start = start = container._started.result()[0]
    assert isinstance(start, InitMessage)
    if start.kind is wire.FromInit.STARTED:
        run.started_ns = supervisor._within(asked_ns, start.a)
        run._on_end()
    if container.empty.done():
        run.reaped = container.empty.result()
    result = judge(Phase.RUN, "x", run._limits, 16, run.outcome())
    now_ns = time.monotonic_ns()
    assert 0 <= result.usage.wall_time_ns <= now_ns - asked_ns
    assert -_INIT_CPU_NS <= result.usage.cpu_time_ns - _STATS.cpu_ns <= 0
    assert result.exit_code is None or 0 <= result.exit_code <= 255
    answer = b"".join(translate.encode_result(records.result(result, fault_domain=fault_domain(result.verdict))))
    message = pb.ExecuteResponse.FromString(answer)
    assert message.run.verdict == result.verdict.value
    assert message.ByteSize() == len(answer)
    assert pb.ExecuteResponse.FromString(message.SerializeToString()) == message
