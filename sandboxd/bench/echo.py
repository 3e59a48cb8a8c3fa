"""A gRPC server that answers with what it was sent: what a call costs that does nothing.

Of the same library, on the same event loop and by the same transport as the server that is measured. It prints its
address, and ends with its standard input.
"""

from __future__ import annotations

import asyncio
import sys

import grpc
import uvloop

METHOD = "/sandboxd.bench.Echo/Echo"


async def _echo(request: bytes, context: grpc.aio.ServicerContext[bytes, bytes]) -> bytes:
    del context
    return request


async def serve(address: str) -> None:
    """Serve at ``address``, HOST:PORT with port 0 for a free one, or unix:PATH."""
    server = grpc.aio.server()
    _, service, method = METHOD.split("/")
    handler = grpc.unary_unary_rpc_method_handler(_echo)
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, {method: handler}),))
    port = server.add_insecure_port(address)
    await server.start()
    print(address if address.startswith("unix:") else f"{address.rpartition(':')[0]}:{port}", flush=True)
    await asyncio.to_thread(sys.stdin.read)
    await server.stop(None)


if __name__ == "__main__":
    uvloop.run(serve(sys.argv[1]))
