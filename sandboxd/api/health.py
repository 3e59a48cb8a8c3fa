"""Health, as ``grpc.health.v1`` has it: one status of all services, until the drain SERVING and then NOT_SERVING.

gRPC's own servicer holds a name's lock while it writes to a client: one that takes nothing would keep all others from
being told, and the server from draining. Here nobody waits for a client but that client's own call.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable

import grpc
from grpc_health.v1 import health_pb2 as pb

from sandboxd.api import handlers
from sandboxd.api.handlers import Accounts, Receive
from sandboxd.errors import UnknownService, shown
from sandboxd.service.untaken import Untaken

SERVICE_NAME = pb.DESCRIPTOR.services_by_name["Health"].full_name
_SERVING = pb.HealthCheckResponse(status=pb.HealthCheckResponse.SERVING)
_NOT_SERVING = pb.HealthCheckResponse(status=pb.HealthCheckResponse.NOT_SERVING)
_UNKNOWN = pb.HealthCheckResponse(status=pb.HealthCheckResponse.SERVICE_UNKNOWN)


class HealthServicer:
    """The methods, by the names of the contract."""

    def __init__(self, names: Iterable[str]) -> None:
        """``names`` are of the services that are told of, beside that of the whole server, which is empty."""
        self._names = frozenset(("", *names))
        self._draining = asyncio.Event()

    def handler(self) -> grpc.GenericRpcHandler:
        """Return what a server is given. Its calls are in no metric, and what is not taken of it keeps nobody from anything else."""
        accounts = Accounts(_uncounted, Untaken(slots=0))
        methods = {
            "Check": handlers.unary(pb.HealthCheckRequest, self.Check, accounts),
            "Watch": handlers.late_unary_stream(pb.HealthCheckRequest, self.Watch, accounts),
        }
        return grpc.method_handlers_generic_handler(SERVICE_NAME, methods)

    def drain(self) -> None:
        """Tell everybody from now on that new work goes elsewhere. Waits for nobody."""
        self._draining.set()

    async def Check(  # noqa: N802
        self, request: pb.HealthCheckRequest, context: grpc.aio.ServicerContext
    ) -> pb.HealthCheckResponse:
        """Tell the status."""
        del context
        if request.service not in self._names:
            raise UnknownService(f"no service {shown(request.service)} is here")
        return _NOT_SERVING if self._draining.is_set() else _SERVING

    async def Watch(  # noqa: N802
        self, receive: Receive[pb.HealthCheckRequest], context: grpc.aio.ServicerContext
    ) -> AsyncIterator[pb.HealthCheckResponse]:
        """Tell the status, and when it changes. Ends with the client or the server, as the protocol says."""
        del context
        if (await receive()).service not in self._names:
            yield _UNKNOWN  # for ever: services are added to no server that runs
        else:
            if not self._draining.is_set():
                yield _SERVING
                await self._draining.wait()
            yield _NOT_SERVING
        await asyncio.get_running_loop().create_future()


def _uncounted(method: str, code: str, seconds: float) -> None:
    """Take no note of a call."""
