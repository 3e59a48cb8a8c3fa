"""Between the contract's messages and the model's values."""

from __future__ import annotations

from dataclasses import fields
from typing import cast

from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from sandboxd import model
from sandboxd.api.validation import check_request
from sandboxd.api.wire_format import put_field
from sandboxd.errors import InvalidSubmission
from sandboxd.model import SECOND_NS
from sandboxd.v1 import execution_service_pb2 as pb

_USAGE_TIMES = {
    "cpu_time_ns": "cpu_time",
    "user_time_ns": "user_time",
    "system_time_ns": "system_time",
    "wall_time_ns": "wall_time",
    "throttled_time_ns": "throttled_time",
}
_USAGE_FIELDS = tuple((field.name, _USAGE_TIMES.get(field.name, field.name)) for field in fields(model.Usage))
_LIMIT_FIELDS = tuple(field.name for field in fields(model.LimitsRequest))
_NO_LIMITS = model.LimitsRequest()


def to_submission(request: pb.ExecuteRequest) -> model.Submission:
    """Return what a request asks for. InvalidSubmission names every field that is not well-formed."""
    violations = check_request(request)
    if violations:
        raise InvalidSubmission(violations)
    return model.Submission(
        program=_program(request),
        request_id=request.request_id,
        image=request.image,
        policy=request.policy,
        files=tuple(map(_file, request.files)),
        stdin=request.stdin,
        env=dict(request.env),
        limits=_limits(request.limits) if request.HasField("limits") else _NO_LIMITS,
        compile_limits=_limits(request.compile_limits) if request.HasField("compile_limits") else _NO_LIMITS,
        collect=tuple(request.collect),
        tty=request.tty,
        window_size=to_window(request.window_size) if request.HasField("window_size") else model.WindowSize(),
        report_refused_syscalls=request.report_refused_syscalls,
        warm=request.warm if request.HasField("warm") else True,
        commit_to=request.commit_to,
    )


def to_window(window: pb.WindowSize) -> model.WindowSize:
    """Return the size of a terminal."""
    return model.WindowSize(columns=window.columns, rows=window.rows)


def encode_result(result: model.ExecutionResult, *, contents: bool = True) -> list[bytes | bytearray]:
    """Return the answer in pieces of what is on the wire: output and files are some of them, uncopied.

    Without ``contents`` there is no output and no file in it, for those who have had the output: so a client that does
    not read what it asked for has little of it waiting in the server.
    """
    message = pb.ExecuteResponse(
        execution_id=result.execution_id,
        request_id=result.request_id,
        image_digest=result.image_digest,
        policy_digest=result.policy_digest,
        verdict=_verdict(result.verdict),
        fault_domain=cast("pb.FaultDomain", result.fault_domain.value),
    )
    for skipped in result.skipped_files:
        message.skipped_files.add(path=skipped.path, reason=skipped.reason)
    _write_duration(message.timings.queued, result.timings.queued_ns)
    _write_duration(message.timings.created, result.timings.created_ns)
    _write_duration(message.timings.ran, result.timings.ran_ns)
    _write_duration(message.timings.collected, result.timings.collected_ns)
    if result.committed is not None:
        message.committed.image_digest = result.committed.image_digest
        message.committed.error = result.committed.error
        message.committed.left_out.update(result.committed.left_out)
    pieces: list[bytes | bytearray] = [message.SerializeToString()]
    for name, phase in (("compile", result.compile), ("run", result.run)):
        if phase is not None:
            pieces += put_field(pb.ExecuteResponse, name, *_encode_phase(phase, contents=contents))
    for file in result.files if contents else ():
        facts = pb.File(path=file.path, mode=file.mode).SerializeToString()
        pieces += put_field(pb.ExecuteResponse, "files", facts, *_content(pb.File, "content", file.content))
    return pieces


def from_summary(summary: model.ExecutionSummary) -> pb.Execution:
    """Return a line of ListExecutions."""
    message = pb.Execution(
        execution_id=summary.execution_id,
        request_id=summary.request_id,
        image=summary.image,
        language=summary.language,
        policy=summary.policy,
        create_time=Timestamp(seconds=summary.created_unix_ns // SECOND_NS, nanos=summary.created_unix_ns % SECOND_NS),
        phase=from_phase(summary.phase) if summary.phase else pb.PHASE_UNSPECIFIED,
        tty=summary.tty,
        accepts_stdin=summary.accepts_stdin,
        program=summary.program,
        verdict=_verdict(summary.verdict) if summary.verdict else pb.VERDICT_UNSPECIFIED,
    )
    _write_duration(message.age, summary.age_ns)
    if summary.cpu_time_ns is not None:
        _write_duration(message.cpu_time, summary.cpu_time_ns)
    if summary.memory_bytes is not None:
        message.memory_bytes = summary.memory_bytes
    return message


def from_phase(phase: model.Phase) -> pb.Phase:
    """Return a phase's enum value."""
    return cast("pb.Phase", phase.value)


def _verdict(verdict: model.Verdict) -> pb.Verdict:
    return cast("pb.Verdict", verdict.value)


def _program(request: pb.ExecuteRequest) -> model.Source | model.Command:
    if request.WhichOneof("program") == "command":
        return model.Command(argv=tuple(request.command.argv))
    source = request.source
    files = tuple(map(_file, source.files)) or (model.File(path="", content=source.code),)
    return model.Source(language=source.language, files=files, entrypoint=source.entrypoint, args=tuple(source.args))


def _file(file: pb.File) -> model.File:
    return model.File(path=file.path, content=file.content, mode=file.mode or 0o644)


def _limits(limits: pb.Limits) -> model.LimitsRequest:
    values = {}
    for name in _LIMIT_FIELDS:
        proto_name = {"cpu_time_ns": "cpu_time", "wall_time_ns": "wall_time"}.get(name, name)
        if limits.HasField(proto_name):
            value = getattr(limits, proto_name)
            values[name] = value.seconds * SECOND_NS + value.nanos if proto_name != name else value
    return model.LimitsRequest(**values)


def _encode_phase(result: model.PhaseResult, *, contents: bool) -> list[bytes | bytearray]:
    message = pb.PhaseResult()
    _write_phase(message, result)
    pieces: list[bytes | bytearray] = [message.SerializeToString()]
    for name, output in (("stdout", result.stdout), ("stderr", result.stderr)):
        facts = pb.Output(truncated=output.truncated, total_bytes=output.total_bytes).SerializeToString()
        data = _content(pb.Output, "data", *output.blocks) if contents else []
        pieces += put_field(pb.PhaseResult, name, facts, *data)
    return pieces


def _content(kind: type[Message], name: str, *data: bytes | bytearray) -> list[bytes | bytearray]:
    """Return a field of a message's; none where there is nothing in it, as protobuf has it."""
    return put_field(kind, name, *data) if any(data) else []


def _write_phase(message: pb.PhaseResult, result: model.PhaseResult) -> None:
    """Write all but what it has put out."""
    message.verdict = _verdict(result.verdict)
    _write_usage(message.usage, result.usage)
    message.detail = result.detail
    message.blocked_syscall = result.blocked_syscall
    for call in result.refused_syscalls:
        message.refused_syscalls.add(name=call.name, count=call.count, answer=call.answer)
    if result.start is not None:
        message.start = cast("pb.Start", result.start.value)
    if result.exit_code is not None:
        message.exit_code = result.exit_code
    if result.signal is not None:
        message.signal = result.signal
    if result.cause is not None:
        cause = result.cause
        message.cause.limit, message.cause.allowed, message.cause.observed = cause.limit, cause.allowed, cause.observed


def _write_usage(message: pb.Usage, usage: model.Usage) -> None:
    message.SetInParent()  # it is there, even with nothing in it
    for name, proto_name in _USAGE_FIELDS:
        value = getattr(usage, name)
        if value is None:
            continue
        if name in _USAGE_TIMES:
            _write_duration(getattr(message, proto_name), value)
        else:
            setattr(message, proto_name, value)


def _write_duration(message: Duration, nanoseconds: int) -> None:
    message.seconds, message.nanos = divmod(nanoseconds, SECOND_NS)
