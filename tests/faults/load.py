"""Many clients at once, with programs whose answers are known, and what may come of them while the server is broken."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Self

import grpc
import pytest

from sandboxd.client import SandboxClient
from sandboxd.v1 import execution_service_pb2 as pb
from tests.api.conftest import command, python
from tests.faults.chance import chance_of
from tests.slowness import SLOWNESS

OK, FAULT, GONE = "OK", "INTERNAL", "UNAVAILABLE"
"""An answer that is right; a fault of ours, told as one; no server."""
CLIENTS = 10
TIMEOUT_S = 60 * SLOWNESS
_C = b'#include <stdio.h>\nint main(void) { char line[9]; printf("C has %s", fgets(line, 9, stdin)); return 0; }'


@dataclass(frozen=True)
class Job:
    """A request, and the answer that it has where nothing is broken."""

    request: pb.ExecuteRequest
    stdout: bytes
    files: Mapping[str, bytes] = field(default_factory=dict)

    def outcome(self, answer: Callable[[], pb.ExecuteResponse], streamed: bytearray | None = None) -> str:
        """Return OK, FAULT or GONE, or what is wrong with an answer."""
        try:
            response = answer()
        except grpc.RpcError as error:
            code, details = error.code(), error.details()
            fault = code is grpc.StatusCode.INTERNAL and details != "internal error"  # which a bug is told as
            return FAULT if fault else GONE if code is grpc.StatusCode.UNAVAILABLE else f"{code.name}: {details}"
        ended = response.run if response.HasField("run") else response.compile
        if response.verdict == pb.VERDICT_INTERNAL_ERROR:
            return FAULT if response.fault_domain == pb.FAULT_DOMAIN_PLATFORM else "a fault of ours is not told as ours"
        if response.verdict != pb.VERDICT_OK:
            return f"{pb.Verdict.Name(response.verdict)}: {ended.detail}: {ended.stdout.data!r} {ended.stderr.data!r}"
        files = {file.path: file.content for file in response.files}
        told = ended.stdout.data if streamed is None else bytes(streamed)
        right = (self.stdout, self.stdout, self.files) == (ended.stdout.data, told, files)
        return OK if right else f"another answer: {ended.stdout.data!r}, {told!r}, {files}"


JOBS = (
    Job(command("echo", "hello"), b"hello\n"),
    Job(python("print(sum(range(100_000)))"), b"4999950000\n"),
    Job(python("import time; time.sleep(0.2); print(input())", stdin=b"typed\n"), b"typed\n"),
    Job(
        python("open('a', 'w').write('one'); open('b', 'w').write('two'); print('written')", collect=["a", "b"]),
        b"written\n",
        {"a": b"one", "b": b"two"},
    ),
    Job(pb.ExecuteRequest(source=pb.Source(language="c", code=_C), stdin=b"spoken\n"), b"C has spoken\n"),
    Job(
        python("import os, time\nfor _ in range(5): os.fork() or time.sleep(9)\nprint('left five behind')"),
        b"left five behind\n",
    ),
)


def execute(client: SandboxClient, job: Job) -> str:
    """Run a job by Execute."""
    return job.outcome(lambda: client.execute(job.request, timeout=TIMEOUT_S))


def stream(client: SandboxClient, job: Job) -> str:
    """Run a job by ExecuteStream."""
    call = client.stub.ExecuteStream(iter([pb.ExecuteStreamRequest(request=job.request)]), timeout=TIMEOUT_S)
    streamed = bytearray()

    def answer() -> pb.ExecuteResponse:
        for message in call:
            streamed.extend(message.stdout)
        return message.response

    return job.outcome(answer, streamed)


class Load:
    """Clients that run one job after the other, until they are told to stop. ``outcomes`` has what came of each."""

    def __init__(self, client: SandboxClient, name: str) -> None:
        self._client = client
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._work, args=(f"{name} {n}",)) for n in range(CLIENTS)]
        self.outcomes: list[str] = []

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _work(self, name: str) -> None:
        chance = chance_of(name)
        while not self._stop.is_set():
            run = chance.choice((execute, stream))
            self.outcomes.append(run(self._client, chance.choice(JOBS)))


def failure(call: Callable[[], object]) -> str:
    """Return the message of a call that has no answer, which must be for a fault of the platform."""
    with pytest.raises(grpc.RpcError) as error:
        call()
    assert grpc.StatusCode.INTERNAL is error.value.code(), error.value.details()
    return error.value.details()
