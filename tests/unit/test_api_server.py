"""The gRPC server without a service behind it: what is refused before any request is read."""

from __future__ import annotations

import contextlib
from types import SimpleNamespace

import grpc
import pytest

from sandboxd.api.server import ApiServer
from sandboxd.service.untaken import Untaken
from sandboxd.v1 import execution_service_pb2 as pb

MIB = 1 << 20
pytestmark = pytest.mark.usefixtures("collected")


@pytest.fixture
async def channel(tmp_path):
    """A channel to a server that takes messages of one MiB; it compresses what it sends."""
    server = ApiServer(
        SimpleNamespace(ask=is_there_a_place, counting_refusals=contextlib.nullcontext, untaken=Untaken(slots=1)),
        SimpleNamespace(),
        listen=f"unix:{tmp_path}/socket",
        tls=None,
        max_message_bytes=MIB,
        max_connections=10,
        finished=lambda *_: None,
    )
    await server.start()
    options = [("grpc.max_send_message_length", -1)]
    async with grpc.aio.insecure_channel(server.address, options, compression=grpc.Compression.Gzip) as channel:
        yield channel
    await server.stop(0)


async def is_there_a_place(_):
    """Say that there is one."""


async def status(channel, size):
    """Return code and details for a request with so much standard input and no program."""
    call = channel.unary_unary("/sandboxd.v1.ExecutionService/Execute")
    with pytest.raises(grpc.RpcError) as error:
        await call(pb.ExecuteRequest(stdin=bytes(size)).SerializeToString())
    return error.value.code(), error.value.details()


@pytest.mark.parametrize("size", [MIB + 1, 64 * MIB])
async def test_a_compressed_message_is_measured_by_what_it_becomes(channel, size):
    """64 MiB of zeros are 64 KiB when they are sent. Nothing else that clients send is ever decompressed."""
    code, details = await status(channel, size)

    assert grpc.StatusCode.RESOURCE_EXHAUSTED is code
    assert "larger than max" in details


async def test_one_that_is_small_enough_is_read_after_that(channel):
    await status(channel, 64 * MIB)
    code, details = await status(channel, MIB // 2)

    assert grpc.StatusCode.INVALID_ARGUMENT is code
    assert "program: missing" in details
