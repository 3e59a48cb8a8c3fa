"""A server that keeps what it is asked and answers what a test wants, however hostile."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc

from sandboxd.v1 import execution_service_pb2 as pb
from sandboxd.v1 import execution_service_pb2_grpc as pb_grpc


class FakeServer(pb_grpc.ExecutionServiceServicer):
    """It runs nothing."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.response = pb.ExecuteResponse(verdict=pb.VERDICT_OK, run=pb.PhaseResult(exit_code=0))
        self.error: tuple[grpc.StatusCode, str] | None = None
        self.asked: list[pb.ExecuteRequest] = []
        self.answers = threading.Event()
        """Cleared, nothing more is read from a stream, and no answer comes."""
        self.answers.set()

    def Execute(self, request, context):  # noqa: N802
        self.asked.append(request)
        if self.error is not None:
            context.abort(*self.error)
        return self.response

    def ExecuteStream(self, request_iterator, context):  # noqa: N802
        response = self.Execute(next(request_iterator).request, context)
        self.answers.wait()
        yield pb.ExecuteStreamResponse(response=response)


@contextlib.contextmanager
def faking(directory: Path) -> Iterator[FakeServer]:
    """Serve on a socket in the directory."""
    fake = FakeServer(f"unix:{directory}/fake")
    server = grpc.server(ThreadPoolExecutor())
    pb_grpc.add_ExecutionServiceServicer_to_server(fake, server)
    server.add_insecure_port(fake.address)
    server.start()
    try:
        yield fake
    finally:
        fake.answers.set()
        server.stop(None).wait()
