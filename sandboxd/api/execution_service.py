"""ExecutionService: each method of the contract, over the service.

gRPC cancels a handler when the client cancels, its deadline passes or it is lost; whoever runs an execution for that
client then kills it before the handler ends.

A full server refuses before it receives a request: so a refusal is cheap, and a large request is not even sent.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator, Sequence

import grpc
from google.protobuf.message import Message

from sandboxd.api import handlers, translate, validation, wire_format
from sandboxd.api.handlers import Accounts, Answer, Finished, Receive, caller
from sandboxd.errors import InvalidSubmission
from sandboxd.model import Ended, Event, OutputChunk, Started, WaitingForStdin
from sandboxd.service.execution import Execution
from sandboxd.service.executions import ExecutionService
from sandboxd.service.untaken import Untaken
from sandboxd.v1 import execution_service_pb2 as pb

_STDOUT = 1
SERVICE_NAME = pb.DESCRIPTOR.services_by_name["ExecutionService"].full_name


class ExecutionServicer:
    """The methods, by the names of the contract."""

    def __init__(self, service: ExecutionService, untaken: Untaken) -> None:
        self._service = service
        self._untaken = untaken

    def handler(self, finished: Finished) -> grpc.GenericRpcHandler:
        """Return what a server is given."""
        accounts = Accounts(finished, self._untaken)
        methods = {
            "Execute": handlers.late_unary(pb.ExecuteRequest, self.Execute, accounts),
            "ExecuteStream": handlers.stream_stream(pb.ExecuteStreamRequest, self.ExecuteStream, accounts),
            "ListExecutions": handlers.unary(pb.ListExecutionsRequest, self.ListExecutions, accounts),
            "CancelExecution": handlers.unary(pb.CancelExecutionRequest, self.CancelExecution, accounts),
            "StreamLogs": handlers.unary_stream(pb.StreamLogsRequest, self.StreamLogs, accounts),
            "AttachExecution": handlers.stream_stream(pb.AttachExecutionRequest, self.AttachExecution, accounts),
        }
        return grpc.method_handlers_generic_handler(SERVICE_NAME, methods)

    async def Execute(  # noqa: N802
        self, receive: Receive[pb.ExecuteRequest], context: grpc.aio.ServicerContext
    ) -> bytes:
        """Run one submission to its end."""
        who = caller(context)
        await self._service.ask(who)
        with self._service.counting_refusals():
            submission = translate.to_submission(await receive())
        execution = self._service.submit(submission, caller=who, timeout_s=context.time_remaining())
        try:
            return b"".join(translate.encode_result(await execution.result()))
        except asyncio.CancelledError:
            await asyncio.shield(execution.abandon())
            raise

    async def ExecuteStream(  # noqa: N802
        self, requests: AsyncIterator[pb.ExecuteStreamRequest], context: grpc.aio.ServicerContext
    ) -> AsyncIterator[Answer]:
        """Run one submission with its streams open."""
        who = caller(context)
        await self._service.ask(who)
        with self._service.counting_refusals():
            first = await anext(requests, None)
            if first is None or first.WhichOneof("message") != "request":
                raise InvalidSubmission.of("request", "missing: the first message carries the request")
            submission = translate.to_submission(first.request)
        execution = self._service.submit(submission, caller=who, interactive=True, timeout_s=context.time_remaining())
        taking = asyncio.create_task(_take_input(execution, requests))
        try:
            with self._counted(execution, who):
                async for event in execution.events(from_start=True, back_pressure=True, unless=taking):
                    yield _stream_response(event)
        finally:
            taking.cancel()
            if not execution.ended:
                await asyncio.shield(execution.abandon())

    async def ListExecutions(  # noqa: N802
        self, request: pb.ListExecutionsRequest, context: grpc.aio.ServicerContext
    ) -> pb.ListExecutionsResponse:
        """List what runs."""
        del context
        summaries = self._service.list(include_ended=request.include_ended)
        return pb.ListExecutionsResponse(executions=map(translate.from_summary, summaries))

    async def CancelExecution(  # noqa: N802
        self, request: pb.CancelExecutionRequest, context: grpc.aio.ServicerContext
    ) -> pb.CancelExecutionResponse:
        """End an execution."""
        del context
        violations = validation.check_grace("grace_period", request.grace_period)
        if violations:
            raise InvalidSubmission(violations)
        await self._service.cancel(request.execution_id, request.grace_period.ToNanoseconds() / 1e9)
        return pb.CancelExecutionResponse()

    async def StreamLogs(  # noqa: N802
        self, request: pb.StreamLogsRequest, context: grpc.aio.ServicerContext
    ) -> AsyncIterator[Answer]:
        """Replay, and follow."""
        execution = self._service.get(request.execution_id)
        events = execution.events(from_start=True, back_pressure=False) if request.follow else execution.logs()
        with self._counted(execution, caller(context)):
            async for event in events:
                if (message := _follow_response(pb.StreamLogsResponse, event)) is not None:
                    yield message

    async def AttachExecution(  # noqa: N802
        self, requests: AsyncIterator[pb.AttachExecutionRequest], context: grpc.aio.ServicerContext
    ) -> AsyncIterator[Answer]:
        """Join an execution; leaving does not end it."""
        who = caller(context)
        self._untaken.check(who)
        first = await anext(requests, None)
        if first is None or first.WhichOneof("message") != "execution_id":
            raise InvalidSubmission.of("execution_id", "missing: the first message names the execution")
        execution = self._service.get(first.execution_id)
        taking = asyncio.create_task(_take_input(execution, requests, ends_stdin=False))
        try:
            with self._counted(execution, who):
                async for event in execution.events(from_start=False, back_pressure=False, unless=taking):
                    if (message := _follow_response(pb.AttachExecutionResponse, event)) is not None:
                        yield message
        finally:
            taking.cancel()

    @contextlib.contextmanager
    def _counted(self, execution: Execution, who: str) -> Iterator[None]:
        """Count what an execution keeps, from its end to that of a block that tells of it: one that is not listened to keeps it all the while."""
        size_bytes, left = None, False

        def count() -> None:
            nonlocal size_bytes
            if not left:
                size_bytes = execution.kept_bytes
                self._untaken.add(who, size_bytes)

        forget = execution.when_ended(count)
        try:
            yield
        finally:
            left = True
            forget()
            if size_bytes is not None:
                self._untaken.remove(who, size_bytes)


async def _take_input(
    execution: Execution,
    requests: AsyncIterator[pb.ExecuteStreamRequest] | AsyncIterator[pb.AttachExecutionRequest],
    *,
    ends_stdin: bool = True,
) -> None:
    """Pass on what a client sends. The end of its stream is the end of stdin, unless it has only joined."""
    async for message in requests:
        match message.WhichOneof("message"):
            case "stdin":
                await execution.write_stdin(message.stdin)
            case "end_of_stdin":
                await execution.end_stdin()
            case "signal":
                execution.signal(message.signal)
            case "window_size":
                violations = validation.check_window("window_size", message.window_size)
                if violations:
                    raise InvalidSubmission(violations)
                execution.resize(translate.to_window(message.window_size))
            case other:
                raise InvalidSubmission.of(str(other or "message"), "must not follow the first message")
    if ends_stdin:
        await execution.end_stdin()


def _stream_response(event: Event) -> Answer:
    match event:
        case OutputChunk():
            return _chunk(pb.ExecuteStreamResponse, event)
        case Started():
            started = pb.Started(execution_id=event.execution_id, phase=translate.from_phase(event.phase))
            return pb.ExecuteStreamResponse(started=started)
        case WaitingForStdin():
            return pb.ExecuteStreamResponse(waiting_for_stdin=pb.WaitingForStdin())
        case Ended():
            return _message(pb.ExecuteStreamResponse, "response", translate.encode_result(event.result))


def _follow_response(kind: type[pb.StreamLogsResponse | pb.AttachExecutionResponse], event: Event) -> Answer | None:
    """Return what is said of an event to one who joined; None where that is nothing."""
    if isinstance(event, OutputChunk):
        return _chunk(kind, event)
    if not isinstance(event, Ended):
        return None
    return _message(kind, "response", translate.encode_result(event.result, contents=False))


def _chunk(kind: type[Message], event: OutputChunk) -> bytes:
    """Return a message of output as it is on the wire."""
    return _message(kind, "stdout" if event.stream == _STDOUT else "stderr", [event.data])


def _message(kind: type[Message], field: str, content: Sequence[bytes | bytearray]) -> bytes:
    """Return a message of one field as it is on the wire."""
    return b"".join(wire_format.put_field(kind, field, *content))
