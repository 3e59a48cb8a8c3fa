"""The client that is measured with many calls in flight: a process of its own, as a service's users are.

    python -m sandboxd.bench.load ADDRESS

It reads orders, a line of JSON each, and answers each with one, which has an ``error`` where it could not be obeyed: ``true`` or ``python`` with ``count`` and ``in_flight``;
``stream``, the output of one program by ExecuteStream; ``pipe``, the same program's through a bare pipe that asyncio reads.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import grpc

from sandboxd.bench import programs
from sandboxd.bench.turns import Broken
from sandboxd.client.client import MAX_MESSAGE_BYTES, short_name
from sandboxd.v1 import execution_service_pb2 as pb
from sandboxd.v1 import execution_service_pb2_grpc as pb_grpc

_TIMEOUT_S = 60
_CHUNK_BYTES = 65536  # what asyncio's own StreamReader asks for


class Client:
    """A channel, and what is done over it."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._stub = pb_grpc.ExecutionServiceStub(channel)  # type: ignore[no-untyped-call]

    async def obey(self, order: dict[str, Any]) -> dict[str, Any]:
        """Do what one order says."""
        match order["what"]:
            case "stream":
                return await self._stream()
            case "pipe":
                return await pipe()
            case kind:
                return await self._run_many(programs.request(kind), order["count"], order["in_flight"])

    async def _run_many(self, request: pb.ExecuteRequest, count: int, in_flight: int) -> dict[str, Any]:
        """Run so many, so many at a time; returns how long all took and what they were started from."""
        starts: Counter[str] = Counter()
        left = iter(range(count))

        async def work() -> None:
            for _ in left:
                response = await self._stub.Execute(request, timeout=_TIMEOUT_S)
                programs.check(response)
                starts[short_name(response.run.start, pb.Start)] += 1

        began = time.perf_counter_ns()
        await asyncio.gather(*(work() for _ in range(in_flight)))
        return {"ns": time.perf_counter_ns() - began, "starts": starts}

    async def _stream(self) -> dict[str, Any]:
        """Read the output of a program; the clock runs from its first bytes to its last."""

        async def messages() -> AsyncIterator[pb.ExecuteStreamRequest]:
            yield pb.ExecuteStreamRequest(request=programs.writer())
            yield pb.ExecuteStreamRequest(end_of_stdin=pb.EndOfStdin())

        clock = _Clock()
        async for message in self._stub.ExecuteStream(messages()):
            if stdout := message.stdout:  # each look copies it
                clock.saw(len(stdout))
            if message.HasField("response"):
                programs.check(message.response)
        return clock.result()


class _Clock:
    """Counts bytes that come after the first ones, and the time until the last."""

    def __init__(self) -> None:
        self._first_ns = self._last_ns = 0
        self._bytes = 0

    def saw(self, count: int) -> None:
        """Note that bytes have come."""
        self._last_ns = time.perf_counter_ns()
        if not self._first_ns:
            self._first_ns = self._last_ns
        else:
            self._bytes += count

    def result(self) -> dict[str, Any]:
        """Return what was counted."""
        return {"ns": self._last_ns - self._first_ns, "bytes": self._bytes}


async def pipe() -> dict[str, Any]:
    """Read the same program's output through a pipe."""
    clock = _Clock()
    process = await asyncio.create_subprocess_exec(*programs.WRITER, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    while data := await process.stdout.read(_CHUNK_BYTES):
        clock.saw(len(data))
    await process.wait()
    return clock.result()


async def main(address: str) -> None:
    """Obey until the end of standard input."""
    options = [("grpc.max_receive_message_length", MAX_MESSAGE_BYTES)]
    async with grpc.aio.insecure_channel(address, options) as channel:
        client = Client(channel)
        while line := await asyncio.to_thread(sys.stdin.readline):
            try:
                answer = await client.obey(json.loads(line))
            except grpc.RpcError as error:
                answer = {"error": f"{error.code().name}: {error.details()}"}
            except Broken as error:
                answer = {"error": str(error)}
            print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
