"""Running submissions both ways against one server, several at a time."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from sandboxd.client import SandboxClient
from sandboxd.v1 import execution_service_pb2 as pb
from tests.differential.starts import warm_start
from tests.slowness import SLOWNESS

IN_FLIGHT = 3
"""With the one for programs without arguments there are then no more templates at one time than a server keeps."""
POOL_SIZE = 8
_TRIES = 200
"""A template is started when it is asked for, and whoever asks meanwhile does without: so long does it take at most, in hellos."""
_TIMEOUT_S = 120.0
Ask = Callable[[pb.ExecuteRequest], pb.ExecuteResponse]


@dataclass(frozen=True, slots=True)
class Pair:
    """The answers to one submission. ``again`` is a second warm one, where that was asked for."""

    cold: pb.ExecuteResponse
    warm: pb.ExecuteResponse
    expected_start: pb.Start
    again: pb.ExecuteResponse | None = None


class Runner:
    """Asks a server. Every method raises grpc.RpcError where there is no answer."""

    def __init__(self, client: SandboxClient) -> None:
        self.client = client

    def execute(self, request: pb.ExecuteRequest) -> pb.ExecuteResponse:
        """Run a submission."""
        return self.client.execute(request, timeout=_TIMEOUT_S * SLOWNESS)

    def pair(self, request: pb.ExecuteRequest, *, again: bool = False, ask: Ask | None = None) -> Pair:
        """Run a submission cold, then warm, and perhaps warm again; by ``execute``, or another way to ask."""
        ask = ask or self.execute
        cold = ask(_with(request, warm=False))
        expected = warm_start(request)
        warm = [_until(expected, _with(request, warm=True), ask) for _ in range(1 + again)]
        return Pair(cold, warm[0], expected, warm[1] if again else None)

    @contextlib.contextmanager
    def pairs(
        self, requests: Mapping[str, pb.ExecuteRequest], fresh: frozenset[str] = frozenset()
    ) -> Iterator[dict[str, Future[Pair]]]:
        """Run submissions in the background, in their order; those named in ``fresh`` are run warm twice."""
        with ThreadPoolExecutor(IN_FLIGHT) as executor:
            try:
                yield {
                    name: executor.submit(self.pair, request, again=name in fresh) for name, request in requests.items()
                }
            finally:
                executor.shutdown(cancel_futures=True)


def _until(start: pb.Start, request: pb.ExecuteRequest, ask: Ask) -> pb.ExecuteResponse:
    """Ask until there is a template, or else a container, ready; the last answer is given in any case."""
    for _ in range(_TRIES):
        response = ask(request)
        if response.run.start == start:
            break
    return response


def _with(request: pb.ExecuteRequest, *, warm: bool) -> pb.ExecuteRequest:
    asked = pb.ExecuteRequest()
    asked.CopyFrom(request)
    asked.warm = warm
    return asked
