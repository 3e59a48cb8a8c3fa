"""Clients of a server, as a process of their own, so that what they use is not counted as the server's.

``python -m tests.load.client ROLE ARGUMENTS``: each role is a coroutine of this file, its arguments are JSON. What it returns is
printed as JSON, on the last line. Roles that only hold something say when they do, and hold it until stdin ends.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import resource
import subprocess
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any

import grpc
from google.protobuf.duration_pb2 import Duration
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from sandboxd.v1 import execution_service_pb2 as pb
from sandboxd.v1 import execution_service_pb2_grpc as pb_grpc
from tests.mutation import REPOSITORY, environment
from tests.slowness import SLOWNESS

LOAD_S = float(os.environ.get("LOAD_S", "60"))
"""Seconds that each scenario goes on."""
READY = "ready"
_PARTS = ("queued", "created", "ran", "collected")
_OWN_CONNECTION = (("grpc.use_local_subchannel_pool", 1),)
_CHUNK = bytes(1 << 16)
_LONGEST = Duration(seconds=600)  # of CPU time the default policy allows no more
_ENDLESS = {
    "unread": ["sh", "-c", "yes"],
    "unwritten": ["cat"],
    "flooded": ["sleep", "infinity"],
}


class Process:
    """The far side: a client that has been started."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def wait_until_ready(self) -> None:
        """Wait until it holds what it is there to hold."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline().strip()
        assert line == READY, f"the client said {line!r}"

    def report(self) -> dict[str, Any]:
        """Let it end, and return what it has to say."""
        output, _ = self._process.communicate()
        assert self._process.returncode == 0, f"the client ended with {self._process.returncode}"
        return json.loads(output.splitlines()[-1])


@contextlib.contextmanager
def started(role: str, **arguments: Any) -> Iterator[Process]:
    """Start a client; it does not outlive the block."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.load.client", role, json.dumps(arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, **environment(REPOSITORY)},
    ) as process:
        try:
            yield Process(process)
        finally:
            process.kill()


def run(role: str, **arguments: Any) -> dict[str, Any]:
    """Start a client and return what it reports."""
    with started(role, **arguments) as client:
        return client.report()


# The roles.


async def execute(
    *, address: str, argv: Sequence[str], seconds: float, calls: int, connections: int, waits: bool
) -> dict[str, Any]:
    """Keep so many calls of Execute under way. One that is refused is made again: when it is told to, or, without ``waits``, at once."""
    request = pb.ExecuteRequest(command=pb.Command(argv=argv))
    answers: list[list[float]] = []
    at: list[float] = []  # when each came, by the clock that all processes share
    refusals: list[float] = []
    failures: Counter[str] = Counter()
    async with _connected(address, connections) as stubs:
        cpu, end = time.process_time(), time.monotonic() + seconds

        async def work(stub: pb_grpc.ExecutionServiceStub) -> None:
            while (began := time.monotonic()) < end:
                try:
                    response = await stub.Execute(request)
                except grpc.aio.AioRpcError as error:
                    delay_s = _retry_delay_s(error)
                    if delay_s is None:
                        failures[f"{error.code().name}: {error.details()}"] += 1
                        continue
                    refusals.append(_ms_since(began))
                    if waits:
                        await asyncio.sleep(delay_s)
                else:
                    if response.verdict != pb.VERDICT_OK:
                        failures[pb.Verdict.Name(response.verdict)] += 1
                    timings = [getattr(response.timings, part).ToNanoseconds() / 1e6 for part in _PARTS]
                    answers.append([*timings, _ms_since(began)])
                    at.append(time.monotonic())

        await asyncio.gather(*(work(stubs[index % connections]) for index in range(calls)))
        cpu = time.process_time() - cpu
    return {
        "answers": answers,
        "at": at,
        "from_to": (end - seconds, end),
        "refusals": refusals,
        "failures": failures,
        "cpu_s": cpu,
        "seconds": seconds,
    }


async def idle(*, address: str, connections: int) -> dict[str, Any]:
    """Hold connections and say nothing on them."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 4 * connections)), hard))
    async with _connected(address, connections):
        await _hold()
    return {}


async def silent(*, address: str, streams: int) -> dict[str, Any]:
    """Begin streams and send not even a request."""
    async with _connected(address, 1) as (stub,):
        calls = [stub.ExecuteStream() for _ in range(streams)]
        await asyncio.gather(*(call.wait_for_connection() for call in calls))
        await _hold()
        for call in calls:
            call.cancel()
    return {}


async def streams(*, address: str, kind: str, streams: int) -> dict[str, Any]:
    """Run programs without an end whose output nobody reads, whose input nobody writes, or who do not read what is written."""
    limits = pb.Limits(wall_time=_LONGEST, cpu_time=_LONGEST, output_bytes=16 << 20)
    request = pb.ExecuteRequest(command=pb.Command(argv=_ENDLESS[kind]), limits=limits)

    async def flood(call: Any) -> None:
        while True:
            await call.write(pb.ExecuteStreamRequest(stdin=_CHUNK))

    async with _connected(address, 1) as (stub,):
        calls = [stub.ExecuteStream() for _ in range(streams)]
        for call in calls:
            await call.write(pb.ExecuteStreamRequest(request=request))
            message = await call.read()
            assert message.WhichOneof("message") == "started", message
        floods = [asyncio.create_task(flood(call)) for call in calls] if kind == "flooded" else []
        await _hold()
        for task in (*floods, *calls):
            task.cancel()
    return {}


@contextlib.asynccontextmanager
async def _connected(address: str, connections: int) -> AsyncIterator[list[pb_grpc.ExecutionServiceStub]]:
    """Give a stub for each of so many connections."""
    async with contextlib.AsyncExitStack() as stack:
        channels = [
            await stack.enter_async_context(grpc.aio.insecure_channel(address, _OWN_CONNECTION))
            for _ in range(connections)
        ]
        await asyncio.wait_for(asyncio.gather(*(channel.channel_ready() for channel in channels)), 60 * SLOWNESS)
        yield [pb_grpc.ExecutionServiceStub(channel) for channel in channels]


async def _hold() -> None:
    """Say that it is done, and wait until the other side has seen enough."""
    print(READY, flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


def _retry_delay_s(error: grpc.aio.AioRpcError) -> float | None:
    """Return after how long a refused call may come back; None where the call was not refused for load."""
    status, info = rpc_status.from_call(error), error_details_pb2.RetryInfo()
    if error.code() is not grpc.StatusCode.RESOURCE_EXHAUSTED or status is None or not status.details[0].Unpack(info):
        return None
    return info.retry_delay.ToNanoseconds() / 1e9


def _ms_since(began: float) -> float:
    return (time.monotonic() - began) * 1000


_ROLES = {role.__name__: role for role in (execute, idle, silent, streams)}

if __name__ == "__main__":
    print(json.dumps(asyncio.run(_ROLES[sys.argv[1]](**json.loads(sys.argv[2])))))
