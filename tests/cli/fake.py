"""A server that keeps what it is asked and answers what a test wants, however hostile."""

from __future__ import annotations

import contextlib
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

    def Execute(self, request, context):  # noqa: N802
        self.asked.append(request)
        if self.error is not None:
            context.abort(*self.error)
        return self.response

    def ExecuteStream(self, request_iterator, context):  # noqa: N802
        yield pb.ExecuteStreamResponse(response=self.Execute(next(request_iterator).request, context))


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
        server.stop(None).wait()
