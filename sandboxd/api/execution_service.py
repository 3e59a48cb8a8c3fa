"""ExecutionService: each method of the contract, over the service.

gRPC cancels a handler when the client cancels, its deadline passes or it is lost; whoever runs an execution for that
client then kills it before the handler ends.

A full server refuses before it receives a request: so a refusal is cheap, and a large request is not even sent.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import grpc

from sandboxd.api import handlers, translate, validation
from sandboxd.api.handlers import Finished, Receive
from sandboxd.errors import InvalidSubmission
from sandboxd.model import Ended, Event, OutputChunk, Started, WaitingForStdin
from sandboxd.service.execution import Execution
from sandboxd.service.executions import ExecutionService
from sandboxd.v1 import execution_service_pb2 as pb

_STDOUT = 1
SERVICE_NAME = pb.DESCRIPTOR.services_by_name["ExecutionService"].full_name


class ExecutionServicer:
    """The methods, by the names of the contract."""

    def __init__(self, service: ExecutionService) -> None:
        self._service = service

    def handler(self, finished: Finished) -> grpc.GenericRpcHandler:
        """Return what a server is given."""
        methods = {
            "Execute": handlers.late_unary(pb.ExecuteRequest, self.Execute, finished),
            "ExecuteStream": handlers.stream_stream(pb.ExecuteStreamRequest, self.ExecuteStream, finished),
            "ListExecutions": handlers.unary(pb.ListExecutionsRequest, self.ListExecutions, finished),
            "CancelExecution": handlers.unary(pb.CancelExecutionRequest, self.CancelExecution, finished),
            "StreamLogs": handlers.unary_stream(pb.StreamLogsRequest, self.StreamLogs, finished),
            "AttachExecution": handlers.stream_stream(pb.AttachExecutionRequest, self.AttachExecution, finished),
        }
        return grpc.method_handlers_generic_handler(SERVICE_NAME, methods)

    async def Execute(  # noqa: N802
        self, receive: Receive[pb.ExecuteRequest], context: grpc.aio.ServicerContext
    ) -> pb.ExecuteResponse:
        """Run one submission to its end."""
        caller = _caller(context)
        await self._service.ask(caller)
        submission = translate.to_submission(await receive())
        execution = self._service.submit(submission, caller=caller, timeout_s=context.time_remaining())
        try:
            return translate.from_result(await execution.result())
        except asyncio.CancelledError:
            await asyncio.shield(execution.abandon())
            raise

    async def ExecuteStream(  # noqa: N802
        self, requests: AsyncIterator[pb.ExecuteStreamRequest], context: grpc.aio.ServicerContext
    ) -> AsyncIterator[pb.ExecuteStreamResponse]:
        """Run one submission with its streams open."""
        caller = _caller(context)
        await self._service.ask(caller)
        first = await anext(requests, None)
        if first is None or first.WhichOneof("message") != "request":
            raise InvalidSubmission.of("request", "missing: the first message carries the request")
        submission = translate.to_submission(first.request)
        execution = self._service.submit(
            submission, caller=caller, interactive=True, timeout_s=context.time_remaining()
        )
        taking = asyncio.create_task(_take_input(execution, requests))
        try:
            async for event in _until_failed(execution.events(from_start=True, back_pressure=True), taking):
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
    ) -> AsyncIterator[pb.StreamLogsResponse]:
        """Replay, and follow."""
        del context
        execution = self._service.get(request.execution_id)
        events = execution.events(from_start=True, back_pressure=False) if request.follow else execution.logs()
        async for event in events:
            if isinstance(event, OutputChunk):
                yield pb.StreamLogsResponse(**_chunk(event))
            elif isinstance(event, Ended):
                yield pb.StreamLogsResponse(response=translate.from_result_without_contents(event.result))

    async def AttachExecution(  # noqa: N802
        self, requests: AsyncIterator[pb.AttachExecutionRequest], context: grpc.aio.ServicerContext
    ) -> AsyncIterator[pb.AttachExecutionResponse]:
        """Join an execution; leaving does not end it."""
        del context
        first = await anext(requests, None)
        if first is None or first.WhichOneof("message") != "execution_id":
            raise InvalidSubmission.of("execution_id", "missing: the first message names the execution")
        execution = self._service.get(first.execution_id)
        taking = asyncio.create_task(_take_input(execution, requests, ends_stdin=False))
        try:
            async for event in _until_failed(execution.events(from_start=False, back_pressure=False), taking):
                if isinstance(event, OutputChunk):
                    yield pb.AttachExecutionResponse(**_chunk(event))
                elif isinstance(event, Ended):
                    yield pb.AttachExecutionResponse(response=translate.from_result_without_contents(event.result))
        finally:
            taking.cancel()


def _caller(context: grpc.aio.ServicerContext) -> str:
    """Return who calls, as far as it can be told: whom a certificate names, or else the connection."""
    return ",".join(map(repr, context.peer_identities() or ())) or str(context.peer())


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


async def _until_failed(events: AsyncIterator[Event], taking: asyncio.Task[None]) -> AsyncIterator[Event]:
    """Yield events; when the client's input turns out to be wrong, raise what is wrong with it."""
    following: asyncio.Future[Event] | None = None
    try:
        while True:
            following = asyncio.ensure_future(anext(events))
            following.add_done_callback(
                lambda future: future.cancelled() or future.exception()
            )  # it may have no waiter
            if not taking.done():
                await asyncio.wait((following, taking), return_when=asyncio.FIRST_COMPLETED)
            if taking.done() and not taking.cancelled() and taking.exception() is not None:
                await taking
            try:
                yield await following
            except StopAsyncIteration:
                return
    finally:
        if following is not None and not following.done():
            following.cancel()


def _stream_response(event: Event) -> pb.ExecuteStreamResponse:
    match event:
        case OutputChunk():
            return pb.ExecuteStreamResponse(**_chunk(event))
        case Started():
            started = pb.Started(execution_id=event.execution_id, phase=translate.from_phase(event.phase))
            return pb.ExecuteStreamResponse(started=started)
        case WaitingForStdin():
            return pb.ExecuteStreamResponse(waiting_for_stdin=pb.WaitingForStdin())
        case Ended():
            return pb.ExecuteStreamResponse(response=translate.from_result(event.result))


def _chunk(event: OutputChunk) -> dict[str, Any]:
    return {"stdout" if event.stream == _STDOUT else "stderr": event.data}
