"""Health, told to clients of whom some take nothing and some leave."""

from __future__ import annotations

import asyncio
import gc
import tracemalloc
from types import SimpleNamespace

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from sandboxd.api.server import ApiServer
from sandboxd.service.untaken import Untaken
from tests.deaf import deaf_client

WATCH = "/grpc.health.v1.Health/Watch"
SERVICE = "sandboxd.v1.ExecutionService"
SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING
SERVICE_UNKNOWN = health_pb2.HealthCheckResponse.SERVICE_UNKNOWN
MIB = 1 << 20
pytestmark = pytest.mark.usefixtures("collected")


@pytest.fixture
async def server(tmp_path):
    server = ApiServer(
        SimpleNamespace(untaken=Untaken(slots=1)),
        SimpleNamespace(),
        listen=f"unix:{tmp_path}/socket",
        tls=None,
        max_message_bytes=64 * MIB,
        max_connections=10,
        finished=lambda *_: pytest.fail("health is in no metric"),
    )
    await server.start()
    yield server
    await server.stop(0)


@pytest.fixture
async def channel(server):
    async with grpc.aio.insecure_channel(server.address) as channel:
        yield channel


def watch(channel, service=""):
    return health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest(service=service))


async def told(call):
    """Return the next status that a watcher is told."""
    async with asyncio.timeout(5):
        return (await call.read()).status


@pytest.mark.parametrize("service", ["", SERVICE])
async def test_the_drain_is_told(server, channel, service):
    stub = health_pb2_grpc.HealthStub(channel)
    request = health_pb2.HealthCheckRequest(service=service)
    call = watch(channel, service)

    assert SERVING == await told(call)
    assert SERVING == (await stub.Check(request)).status
    server.enter_drain()
    assert NOT_SERVING == await told(call)
    assert NOT_SERVING == (await stub.Check(request)).status
    assert NOT_SERVING == await told(watch(channel, service))


async def test_a_watcher_that_takes_nothing_holds_up_nobody(server, channel):
    async with deaf_client(server.address) as deaf:
        async with asyncio.timeout(5):
            await deaf.was_answered(deaf.call(WATCH, b""))
        call = watch(channel)

        assert SERVING == await told(call)
        server.enter_drain()
        assert NOT_SERVING == await told(call)
        async with asyncio.timeout(5):
            await server.stop(0.1)


async def test_a_watcher_that_leaves_takes_nothing_from_the_others(server, channel):
    staying, leaving = watch(channel), watch(channel)

    assert [SERVING, SERVING] == [await told(staying), await told(leaving)]
    leaving.cancel()
    health = health_pb2_grpc.HealthStub(channel)
    await health.Check(health_pb2.HealthCheckRequest())  # behind the cancellation, on the same connection
    server.enter_drain()
    assert NOT_SERVING == await told(staying)


async def test_a_name_that_is_none_of_ours(server, channel):
    call = watch(channel, "no.such.Service")

    assert SERVICE_UNKNOWN == await told(call)
    with pytest.raises(grpc.RpcError) as error:
        await health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(service="no.such.Service"))
    assert grpc.StatusCode.NOT_FOUND is error.value.code()
    server.enter_drain()
    with pytest.raises(TimeoutError):  # the call stays open, as the protocol says
        async with asyncio.timeout(0.1):
            await call.read()


async def test_a_watcher_is_remembered_without_the_name_that_it_asked_for(channel):
    tracemalloc.start()
    try:
        calls = [channel.stream_stream(WATCH)() for _ in range(4)]  # so that the client keeps nothing, either
        for call in calls:
            await call.write(health_pb2.HealthCheckRequest(service="x" * (8 * MIB)).SerializeToString())
            await call.done_writing()
            assert health_pb2.HealthCheckResponse(status=SERVICE_UNKNOWN).SerializeToString() == await call.read()
        gc.collect()
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert kept < MIB
