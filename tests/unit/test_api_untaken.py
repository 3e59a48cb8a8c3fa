"""Answers that clients do not take, over real channels to a server that runs nothing."""

from __future__ import annotations

import asyncio
import contextlib
from types import SimpleNamespace

import grpc
import pytest
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from sandboxd.api.server import ApiServer
from sandboxd.model import File
from sandboxd.service import untaken as untaken_module
from sandboxd.service.admission import Admission
from sandboxd.v1 import execution_service_pb2 as pb
from tests.deaf import deaf_client
from tests.unit import records

MIB = 1 << 20
ANSWER_BYTES = MIB
EXECUTE = "/sandboxd.v1.ExecutionService/Execute"
LIST = "/sandboxd.v1.ExecutionService/ListExecutions"
REQUEST = pb.ExecuteRequest(command=pb.Command(argv=["true"])).SerializeToString()
pytestmark = pytest.mark.usefixtures("collected")


class Service:
    """Answers every submission at once, with a file that no client takes unasked."""

    def __init__(self):
        self._admission = Admission(slots=2, queue=0)
        self.untaken = self._admission.untaken
        self.answer = records.result(records.phase(), files=(File(path="a", content=bytes(ANSWER_BYTES)),))

    async def ask(self, caller):
        await self._admission.ask(caller)

    def counting_refusals(self):
        return contextlib.nullcontext()

    def submit(self, *_, **__):
        return self

    async def result(self):
        return self.answer

    def list(self, **_):
        return []


@pytest.fixture
async def server(monkeypatch):
    """A server that keeps two of its answers for a client."""
    monkeypatch.setattr(untaken_module, "OF_ONE_BYTES", 2 * ANSWER_BYTES)
    service = Service()
    server = ApiServer(
        service,
        SimpleNamespace(),
        listen="127.0.0.1:0",
        tls=None,
        max_message_bytes=64 * MIB,
        max_connections=10,
        finished=lambda *_: None,
    )
    await server.start()
    server.untaken = service.untaken
    yield server
    await server.stop(0)


def connect(server):
    """Return a channel that shares its connection with no other, and takes no more than 64 KiB before it is asked."""
    options = [("grpc.use_local_subchannel_pool", 1), ("grpc.http2.bdp_probe", 0)]
    return grpc.aio.insecure_channel(server.address, [*options, ("grpc.max_receive_message_length", -1)])


def call(channel):
    """Call, and take nothing until it is asked for: so does a client that never iterates."""
    return channel.unary_stream(EXECUTE)(REQUEST)


async def kept(server, answers):
    """Wait until so many answers are counted."""
    async with asyncio.timeout(5):
        while not answers * ANSWER_BYTES <= server.untaken._total < (answers + 1) * ANSWER_BYTES:  # noqa: ASYNC110  (nobody is told of it)
            await asyncio.sleep(0.01)


async def test_who_takes_no_answer_gets_no_more_and_harms_nobody_else(server):
    async with connect(server) as channel, connect(server) as other:
        calls = [call(channel) for _ in range(2)]
        await kept(server, 2)
        for method in (EXECUTE, LIST):
            with pytest.raises(grpc.RpcError) as error:
                await channel.unary_unary(method)(REQUEST if method == EXECUTE else b"")

            assert grpc.StatusCode.RESOURCE_EXHAUSTED is error.value.code()
            info = error_details_pb2.RetryInfo()
            assert rpc_status.from_call(error.value).details[0].Unpack(info)
            assert info.retry_delay.ToNanoseconds() > 0
        for _ in range(4):
            assert len(await other.unary_unary(EXECUTE)(REQUEST)) > ANSWER_BYTES

        assert len(await calls[0].read()) > ANSWER_BYTES
        await kept(server, 1)
        assert len(await channel.unary_unary(EXECUTE)(REQUEST)) > ANSWER_BYTES


@pytest.mark.parametrize("leave", ["cancel", "close"])
async def test_an_answer_that_cannot_be_taken_any_more_is_not_counted(server, leave):
    async with connect(server) as channel:
        calls = [call(channel) for _ in range(2)]
        await kept(server, 2)
        if leave == "cancel":
            for each in calls:
                each.cancel()
        else:
            await channel.close()
        await kept(server, 0)

    assert not server.untaken._of


async def test_a_client_without_a_window_is_as_any_other(server):
    async with deaf_client(server.address) as deaf:
        for answers in (1, 2):
            deaf.call(EXECUTE, REQUEST)
            await kept(server, answers)
        async with asyncio.timeout(5):
            await deaf.was_answered(deaf.call(EXECUTE, REQUEST))
        await kept(server, 2)
    await kept(server, 0)


async def test_answers_that_are_taken_are_not_counted(server):
    async with connect(server) as channel:
        for _ in range(5):
            await channel.unary_unary(EXECUTE)(REQUEST)
        await kept(server, 0)

    assert not server.untaken._of
