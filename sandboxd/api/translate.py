"""Between the contract's messages and the model's values."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any, cast

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from sandboxd import model
from sandboxd.api.validation import check_request
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
_USAGE_FIELDS = tuple(field.name for field in fields(model.Usage))
_LIMIT_FIELDS = tuple(field.name for field in fields(model.LimitsRequest))


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
        limits=_limits(request.limits),
        compile_limits=_limits(request.compile_limits),
        collect=tuple(request.collect),
        tty=request.tty,
        window_size=to_window(request.window_size) if request.HasField("window_size") else model.WindowSize(),
        report_refused_syscalls=request.report_refused_syscalls,
    )


def to_window(window: pb.WindowSize) -> model.WindowSize:
    """Return the size of a terminal."""
    return model.WindowSize(columns=window.columns, rows=window.rows)


def from_result(result: model.ExecutionResult) -> pb.ExecuteResponse:
    """Return the answer's message."""
    return pb.ExecuteResponse(
        execution_id=result.execution_id,
        request_id=result.request_id,
        image_digest=result.image_digest,
        policy_digest=result.policy_digest,
        verdict=_verdict(result.verdict),
        fault_domain=cast("pb.FaultDomain", result.fault_domain.value),
        compile=_phase_result(result.compile) if result.compile else None,
        run=_phase_result(result.run) if result.run else None,
        files=[pb.File(path=file.path, content=file.content, mode=file.mode) for file in result.files],
        skipped_files=[pb.SkippedFile(path=file.path, reason=file.reason) for file in result.skipped_files],
        timings=pb.Timings(
            queued=_duration(result.timings.queued_ns),
            created=_duration(result.timings.created_ns),
            ran=_duration(result.timings.ran_ns),
            collected=_duration(result.timings.collected_ns),
        ),
    )


def from_result_without_contents(result: model.ExecutionResult) -> pb.ExecuteResponse:
    """Return the answer's message for those who have had the output, without that and without files.

    So a client that does not read what it asked for has little of it waiting in the server.
    """
    message = from_result(replace(result, files=()))
    for name in ("compile", "run"):
        if message.HasField(name):
            for output in (getattr(message, name).stdout, getattr(message, name).stderr):
                output.ClearField("data")
    return message


def from_summary(summary: model.ExecutionSummary) -> pb.Execution:
    """Return a line of ListExecutions."""
    message = pb.Execution(
        execution_id=summary.execution_id,
        request_id=summary.request_id,
        image=summary.image,
        language=summary.language,
        policy=summary.policy,
        create_time=Timestamp(seconds=summary.created_unix_ns // SECOND_NS, nanos=summary.created_unix_ns % SECOND_NS),
        age=_duration(summary.age_ns),
        phase=from_phase(summary.phase) if summary.phase else pb.PHASE_UNSPECIFIED,
        tty=summary.tty,
        accepts_stdin=summary.accepts_stdin,
        program=summary.program,
        verdict=_verdict(summary.verdict) if summary.verdict else pb.VERDICT_UNSPECIFIED,
    )
    if summary.cpu_time_ns is not None:
        message.cpu_time.CopyFrom(_duration(summary.cpu_time_ns))
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


def _phase_result(result: model.PhaseResult) -> pb.PhaseResult:
    message = pb.PhaseResult(
        verdict=_verdict(result.verdict),
        stdout=_output(result.stdout),
        stderr=_output(result.stderr),
        usage=_usage(result.usage),
        detail=result.detail,
        blocked_syscall=result.blocked_syscall,
        refused_syscalls=[
            pb.RefusedSyscall(name=call.name, count=call.count, answer=call.answer) for call in result.refused_syscalls
        ],
    )
    if result.exit_code is not None:
        message.exit_code = result.exit_code
    if result.signal is not None:
        message.signal = result.signal
    if result.cause is not None:
        cause = result.cause
        message.cause.CopyFrom(pb.Cause(limit=cause.limit, allowed=cause.allowed, observed=cause.observed))
    return message


def _output(output: model.Output) -> pb.Output:
    return pb.Output(data=output.data, truncated=output.truncated, total_bytes=output.total_bytes)


def _usage(usage: model.Usage) -> pb.Usage:
    values: dict[str, Any] = {}
    for name in _USAGE_FIELDS:
        value = getattr(usage, name)
        if value is not None:
            values[_USAGE_TIMES.get(name, name)] = _duration(value) if name in _USAGE_TIMES else value
    return pb.Usage(**values)


def _duration(nanoseconds: int) -> Duration:
    return Duration(seconds=nanoseconds // SECOND_NS, nanos=nanoseconds % SECOND_NS)
