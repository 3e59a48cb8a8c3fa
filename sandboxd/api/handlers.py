"""From bytes to methods: parses requests itself, so that a malformed one is the caller's error and not ours.

A deserializer that raises makes gRPC answer INTERNAL; so gRPC is given none.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import grpc
from google.protobuf.message import DecodeError, Message

from sandboxd.api import errors, wire_format
from sandboxd.errors import InvalidSubmission
from sandboxd.service.untaken import Untaken

MAX_FIELDS = 200_000
_SURELY_FEW_FIELDS_BYTES = 2 * MAX_FIELDS  # a field has two bytes at least

Request = TypeVar("Request", bound=Message)
Answer = Message | bytes
"""A message, or how it is on the wire."""
Receive = Callable[[], Awaitable[Request]]
Finished = Callable[[str, str, float], None]
"""Told a method's name, the status code's name and the seconds it took."""


@dataclass(frozen=True, slots=True)
class Accounts:
    """What is kept of a service's calls."""

    finished: Finished
    untaken: Untaken
    """Looked at before a method is called, but for those that admit callers themselves: the late ones, and streams both ways."""


def caller(context: grpc.aio.ServicerContext) -> str:
    """Return who calls, as far as it can be told: whom a certificate names, or else the connection."""
    return ",".join(map(repr, context.peer_identities() or ())) or str(context.peer())


def parse(kind: type[Request], data: bytes) -> Request:
    """Parse a message. InvalidSubmission where it is none, or far too many things in one."""
    if len(data) > _SURELY_FEW_FIELDS_BYTES and wire_format.has_more_fields(kind.DESCRIPTOR, data, MAX_FIELDS):
        raise InvalidSubmission.of("request", f"has more than {MAX_FIELDS} fields and elements")
    try:
        return kind.FromString(data)
    except DecodeError as error:
        field = wire_format.find_invalid(kind.DESCRIPTOR, data)
        if field is not None:
            raise InvalidSubmission.of(field, "is not valid UTF-8") from error
        raise InvalidSubmission.of("request", f"not a valid {kind.DESCRIPTOR.name}: {error}") from error


def unary(
    kind: type[Request], method: Callable[[Request, grpc.aio.ServicerContext], Awaitable[Message]], accounts: Accounts
) -> grpc.RpcMethodHandler:
    """Return the handler of a method with one request and one answer."""

    async def handle(data: bytes, context: grpc.aio.ServicerContext) -> bytes:
        with _Measured(method.__name__, context, accounts.finished):
            try:
                accounts.untaken.check(caller(context))
                return _answer(await method(parse(kind, data), context), context, accounts.untaken)
            except Exception as error:  # noqa: BLE001  (the boundary: everything becomes a status, bugs are logged)
                await errors.abort(context, error)

    return grpc.unary_unary_rpc_method_handler(handle, response_serializer=_serialize)


def late_unary(
    kind: type[Request],
    method: Callable[[Receive[Request], grpc.aio.ServicerContext], Awaitable[Answer]],
    accounts: Accounts,
) -> grpc.RpcMethodHandler:
    """Return the handler of a method with one request, which is received when the method asks for it, and one answer.

    For gRPC's server that is a stream of requests; what is on the wire is the same.
    """

    async def handle(_: object, context: Any) -> bytes:
        with _Measured(method.__name__, context, accounts.finished):
            try:
                return _answer(await method(_receiver(kind, context), context), context, accounts.untaken)
            except Exception as error:  # noqa: BLE001  (as above)
                await errors.abort(context, error)

    return grpc.stream_unary_rpc_method_handler(handle, response_serializer=_serialize)


def stream_unary(
    kind: type[Request],
    method: Callable[[AsyncIterator[Request], grpc.aio.ServicerContext], Awaitable[Message]],
    accounts: Accounts,
) -> grpc.RpcMethodHandler:
    """Return the handler of a method with a stream of requests and one answer."""

    async def handle(stream: AsyncIterator[bytes], context: grpc.aio.ServicerContext) -> bytes:
        async def requests() -> AsyncIterator[Request]:
            async for data in stream:
                yield parse(kind, data)

        with _Measured(method.__name__, context, accounts.finished):
            try:
                accounts.untaken.check(caller(context))
                return _answer(await method(requests(), context), context, accounts.untaken)
            except Exception as error:  # noqa: BLE001  (as above)
                await errors.abort(context, error)

    return grpc.stream_unary_rpc_method_handler(handle, response_serializer=_serialize)


def unary_stream(
    kind: type[Request],
    method: Callable[[Request, grpc.aio.ServicerContext], AsyncIterator[Answer]],
    accounts: Accounts,
) -> grpc.RpcMethodHandler:
    """Return the handler of a method with one request and a stream of answers."""

    async def handle(data: bytes, context: grpc.aio.ServicerContext) -> AsyncIterator[Answer]:
        with _Measured(method.__name__, context, accounts.finished):
            try:
                accounts.untaken.check(caller(context))
                async for message in method(parse(kind, data), context):
                    yield message
            except Exception as error:  # noqa: BLE001  (as above)
                await errors.abort(context, error)

    return grpc.unary_stream_rpc_method_handler(handle, response_serializer=_serialize)


def late_unary_stream(
    kind: type[Request],
    method: Callable[[Receive[Request], grpc.aio.ServicerContext], AsyncIterator[Answer]],
    accounts: Accounts,
) -> grpc.RpcMethodHandler:
    """Return the handler of a method with one request, which is received as :func:`late_unary` does, and a stream of answers.

    Of :func:`unary_stream` gRPC keeps the request as long as the stream lives.
    """

    async def handle(_: object, context: Any) -> AsyncIterator[Answer]:
        with _Measured(method.__name__, context, accounts.finished):
            try:
                async for message in method(_receiver(kind, context), context):
                    yield message
            except Exception as error:  # noqa: BLE001  (as above)
                await errors.abort(context, error)

    return grpc.stream_stream_rpc_method_handler(handle, response_serializer=_serialize)


def stream_stream(
    kind: type[Request],
    method: Callable[[AsyncIterator[Request], grpc.aio.ServicerContext], AsyncIterator[Answer]],
    accounts: Accounts,
) -> grpc.RpcMethodHandler:
    """Return the handler of a method with streams both ways."""

    async def handle(stream: AsyncIterator[bytes], context: grpc.aio.ServicerContext) -> AsyncIterator[Answer]:
        async def requests() -> AsyncIterator[Request]:
            async for data in stream:
                yield parse(kind, data)

        with _Measured(method.__name__, context, accounts.finished):
            try:
                async for message in method(requests(), context):
                    yield message
            except Exception as error:  # noqa: BLE001  (as above)
                await errors.abort(context, error)

    return grpc.stream_stream_rpc_method_handler(handle, response_serializer=_serialize)


def _receiver(kind: type[Request], context: Any) -> Receive[Request]:
    """Return what receives a call's one request, and keeps nothing of it."""

    async def receive() -> Request:
        data = await context.read()
        if data is grpc.aio.EOF:
            raise InvalidSubmission.of("request", "missing")
        return parse(kind, data)

    return receive


def _answer(message: Answer, context: grpc.aio.ServicerContext, untaken: Untaken) -> bytes:
    """Return the one answer of a call as it is on the wire, counted until it is written out or the call is lost.

    gRPC ends the call's task, and so calls back, when the last byte of answer and status has gone to the connection. The message itself
    would be kept until then.
    """
    data = _serialize(message)
    who, size_bytes = caller(context), len(data)
    untaken.add(who, size_bytes)
    context.add_done_callback(lambda _: untaken.remove(who, size_bytes))
    return data


def _serialize(message: Answer) -> bytes:
    return message if isinstance(message, bytes) else message.SerializeToString()


class _Measured:
    """Tells how a call ended and how long it took."""

    def __init__(self, method: str, context: grpc.aio.ServicerContext, finished: Finished) -> None:
        self._method = method
        self._context: Any = context
        self._finished = finished

    def __enter__(self) -> None:
        self._began = time.monotonic()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: object) -> None:
        code = self._context.code()
        if code is None or isinstance(code, int):
            code = _CODES.get(code or 0, grpc.StatusCode.UNKNOWN)
        if kind is not None and code is grpc.StatusCode.OK:
            code = grpc.StatusCode.CANCELLED
        self._finished(self._method, code.name, time.monotonic() - self._began)


_CODES = {code.value[0]: code for code in grpc.StatusCode}
