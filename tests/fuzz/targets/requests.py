"""Requests as they come in: the bytes of a call of any method, through parsing, validation, translation and planning."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import math
from collections.abc import AsyncIterator, Iterator
from pathlib import Path, PurePosixPath
from types import SimpleNamespace

import grpc
from google.protobuf.message import DecodeError, Message
from google.protobuf.message_factory import GetMessageClass
from google.rpc import error_details_pb2, status_pb2

from sandboxd.api.execution_service import SERVICE_NAME, ExecutionServicer
from sandboxd.api.validation import MAX_GRACE_S, MAX_VIOLATIONS
from sandboxd.errors import UnknownExecution
from sandboxd.images.store import ImageStore
from sandboxd.model import Ended, WindowSize
from sandboxd.runtime import start
from sandboxd.runtime.policy import default_directory, load_policies
from sandboxd.service.execution import Execution
from sandboxd.service.plan import Plan, Planner
from sandboxd.service.untaken import Untaken
from sandboxd.v1 import execution_service_pb2 as pb
from tests.fuzz import answers, contract, files
from tests.performing import program_of
from tests.unit import records

_IMAGE = Path(__file__).parents[3] / "images" / "default"
_METHODS = tuple(pb.DESCRIPTOR.services_by_name["ExecutionService"].methods)
KNOWN = "known"
"""An execution that there is."""
_LENGTH_BYTES = 2
_MOST = 1 << 63
_OF_THE_CALLER = (grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.NOT_FOUND, grpc.StatusCode.FAILED_PRECONDITION)


def fuzz(data: bytes) -> None:
    """Answer any call with OK, or with a status that blames the caller, small enough for a client to read.

    INVALID_ARGUMENT names fields that the contract has. What is accepted makes a plan in which nothing leads out of the
    workspace, no word has a NUL, and every limit is a number above 0.

    The first byte is the method. Where the client streams, each message has two bytes of length in front.
    """
    if not data:
        return
    method = _METHODS[data[0] % len(_METHODS)]
    call(method.name, list(_split(data[1:])) if method.client_streaming else [data[1:]])


def encode(method: str, *messages: Message | bytes) -> bytes:
    """Return what :func:`fuzz` takes for a call."""
    index = next(index for index, known in enumerate(_METHODS) if known.name == method)
    parts = [message if isinstance(message, bytes) else message.SerializeToString() for message in messages]
    if _METHODS[index].client_streaming:
        parts = [len(part).to_bytes(_LENGTH_BYTES, "little") + part for part in parts]
    return bytes([index]) + b"".join(parts)


def call(method: str, messages: list[bytes]) -> list[str]:
    """Make a call, check its end and return the fields that it was refused for."""
    status = _loop().run_until_complete(_call(method, messages))
    _loop().run_until_complete(asyncio.sleep(0))  # generators that were left close in a task of their own
    if status is None:
        return []
    assert status.code in _OF_THE_CALLER, (status.code, status.details)
    (details,) = (value for key, value in status.trailing_metadata if key == "grpc-status-details-bin")
    rich = status_pb2.Status.FromString(details)
    assert rich.message == status.details
    answers.check_size(rich)
    if status.code is not grpc.StatusCode.INVALID_ARGUMENT:
        return []
    bad = error_details_pb2.BadRequest()
    assert rich.details[0].Unpack(bad), rich
    fields = [violation.field for violation in bad.field_violations]
    assert 1 <= len(fields) <= MAX_VIOLATIONS, fields
    for field in fields:
        assert any(contract.has(kind, field) for kind in _kinds(method)), field
    assert all(violation.description for violation in bad.field_violations), bad
    return fields


def _kinds(method: str) -> Iterator[object]:
    """Yield in which messages a field may be: in ExecuteStream the submission's are named as Execute names them."""
    yield pb.DESCRIPTOR.services_by_name["ExecutionService"].methods_by_name[method].input_type
    if method == "ExecuteStream":
        yield pb.ExecuteRequest.DESCRIPTOR


def _split(data: bytes) -> Iterator[bytes]:
    while data:
        size = int.from_bytes(data[:_LENGTH_BYTES], "little")
        yield data[_LENGTH_BYTES : _LENGTH_BYTES + size]
        data = data[_LENGTH_BYTES + size :]


@functools.cache
def _loop() -> asyncio.AbstractEventLoop:
    return asyncio.new_event_loop()


@functools.cache
def _planner() -> Planner:
    """Return the planner of a server with the shipped image and policies."""
    store = files.directory("store")
    image = store / "default"
    (image / "root").mkdir(parents=True)
    files.put(image / "manifest.toml", (_IMAGE / "manifest.toml").read_bytes())
    files.put(image / "digest", f"sha256:{0:064x}\n".encode())
    return Planner(
        ImageStore(store), load_policies(default_directory()), default_image="default", default_policy="default"
    )


class _Aborted(Exception):
    """The end of a call that was refused."""

    def __init__(self, status: grpc.Status) -> None:
        super().__init__(status)
        self.status = status


class _Context:
    """What a handler asks of gRPC."""

    def __init__(self, messages: list[bytes]) -> None:
        self._messages = iter(messages)

    async def read(self) -> object:
        """Return the next message."""
        return next(self._messages, grpc.aio.EOF)

    def time_remaining(self) -> None:
        """Say that there is no deadline."""

    def peer(self) -> str:
        """Name the connection."""
        return "ipv4:127.0.0.1:1"

    def peer_identities(self) -> None:
        """Say that no certificate names the client."""

    def code(self) -> None:
        """Say that none was set."""

    def add_done_callback(self, call: object) -> None:
        """Take no note: nobody counts here."""

    async def abort_with_status(self, status: grpc.Status) -> None:
        """End the call."""
        raise _Aborted(status)


class _Execution(Execution):
    """An execution that ends when its client has said all; what it is asked meanwhile it answers as the real one."""

    def __init__(self, plan: Plan, said_all: asyncio.Event) -> None:
        self.plan = plan
        self._said_all = said_all
        self._container = self._run = None
        self._window = WindowSize()

    @property
    def ended(self) -> bool:
        return True

    async def result(self):
        return records.result(records.phase())

    async def events(self, *, unless: asyncio.Future[None] | None = None, **_: bool):
        said_all = asyncio.create_task(self._said_all.wait())
        await asyncio.wait([said_all, *filter(None, [unless])], return_when=asyncio.FIRST_COMPLETED)
        said_all.cancel()
        if unless is not None and unless.done():
            unless.result()
        yield Ended(await self.result())

    async def logs(self):
        yield Ended(await self.result())

    def when_ended(self, call: object):
        """Take no note: nobody counts here."""
        return lambda: None

    async def write_stdin(self, data: bytes) -> None:
        """Throw it away."""

    async def end_stdin(self) -> None:
        """Take it."""


class _Service:
    """A service that plans what it is given, and runs nothing."""

    def __init__(self, said_all: asyncio.Event) -> None:
        self._said_all = said_all

    async def ask(self, caller: str) -> None:
        """Say that there is a place."""

    def counting_refusals(self) -> contextlib.AbstractContextManager[None]:
        """Count nothing."""
        return contextlib.nullcontext()

    def submit(self, submission, *, caller, interactive=False, timeout_s=None):
        plan = _planner().plan(submission)
        _check_plan(plan)
        return _Execution(plan, self._said_all)

    def get(self, execution_id: str) -> _Execution:
        if execution_id != KNOWN:
            raise UnknownExecution("no such execution")
        plan = SimpleNamespace(submission=SimpleNamespace(tty=True))
        return _Execution(plan, self._said_all)

    def list(self, *, include_ended: bool) -> list[object]:
        return []

    async def cancel(self, execution_id: str, grace_s: float) -> None:
        self.get(execution_id)
        assert 0 <= grace_s <= MAX_GRACE_S, grace_s


async def _call(method: str, messages: list[bytes]) -> grpc.Status | None:
    """Make a call as gRPC would; return how it was refused, or None."""
    said_all = asyncio.Event()

    async def stream() -> AsyncIterator[bytes]:
        for message in messages:
            yield message
        said_all.set()

    handlers = ExecutionServicer(_Service(said_all), Untaken(slots=1)).handler(lambda *_: None)
    handler = handlers.service(SimpleNamespace(method=f"/{SERVICE_NAME}/{method}"))
    try:
        context = _Context(messages)
        if handler.unary_unary:
            _check_answer(method, handler, await handler.unary_unary(messages[0], context))
            return None
        if handler.stream_unary:
            _check_answer(method, handler, await handler.stream_unary(stream(), context))
            return None
        answers = handler.stream_stream(stream(), context) if handler.stream_stream else None
        if answers is None:
            said_all.set()
            answers = handler.unary_stream(messages[0], context)
        async for answer in answers:
            _check_answer(method, handler, answer)
    except _Aborted as aborted:
        return aborted.status
    return None


def _check_answer(method: str, handler: grpc.RpcMethodHandler, answer: Message | bytes) -> None:
    kind = GetMessageClass(pb.DESCRIPTOR.services_by_name["ExecutionService"].methods_by_name[method].output_type)
    data = handler.response_serializer(answer)
    try:
        assert kind.FromString(data).ByteSize() == len(data)
    except DecodeError as error:
        raise AssertionError(answer) from error


def _check_plan(plan: Plan) -> None:
    """Check what an accepted submission comes to, by other means than those that made it."""
    paths = [file.path for file in plan.files] + list(plan.submission.collect)
    for path in paths:
        pure = PurePosixPath(path)
        assert path, "a file has a name"
        assert not pure.is_absolute(), path
        assert ".." not in pure.parts, path
        assert "\0" not in path, path
    files = {file.path for file in plan.files}
    assert len(files) == len(plan.files), "two files want one place"
    assert not any(str(parent) in files for path in files for parent in PurePosixPath(path).parents), (
        "a file is a parent"
    )
    assert all(0 <= file.mode <= 0o777 for file in plan.files)
    assert plan.phases
    for phase in plan.phases:
        words = [*phase.program.argv, *(word for pair in phase.program.env for word in pair)]
        assert phase.program.argv[0]
        assert not any("\0" in word for word in words), words
        assert not any("=" in name or not name for name, _ in phase.program.env), phase.program.env
        limits = {name: getattr(phase.limits, name) for name in phase.limits.__slots__}
        assert all(math.isfinite(value) and 0 < value < _MOST for value in limits.values()), limits
        env = dict(phase.program.env)
        told = (list(phase.program.argv), [f"{name}={value}" for name, value in env.items()], env.get("PATH", ""))
        assert told == program_of(start.pack(phase.program, tuple(start.places(plan.files)), init=999))
