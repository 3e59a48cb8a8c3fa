"""Logs: JSON, one object a line, one line a run. Never a byte of the submission or of what it wrote.

So an execution's ``detail`` is not logged (it may quote a command), nor the message of an exception that nobody raised
on purpose (it may quote anything): its type and where it came from are.
"""

from __future__ import annotations

import asyncio
import io
import json
import logging
import sys
import time
import traceback
from typing import Any, TextIO

from sandboxd.errors import InvalidSubmission, Overloaded, SandboxError, SetupFailed
from sandboxd.model import ExecutionResult, FaultDomain, PhaseResult, shallow_dict
from sandboxd.service.observer import Record

log = logging.getLogger("sandboxd.execution")

_MAX_NAME = 128
_to_json = json.JSONEncoder(default=repr).encode


class JsonFormatter(logging.Formatter):
    """A record as one line of printable ASCII."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        line: dict[str, Any] = {
            "time": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created)) + f".{int(record.msecs):03d}Z",
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info and record.exc_info[1] is not None:
            line |= _of_error(record.exc_info[1])
        # json escapes all control characters but this one.
        return _to_json(line).replace("\x7f", "\\u007f")


class _Handler(logging.StreamHandler[TextIO]):
    """Loses a line that cannot be written: there is nowhere to say so, and what logging would say is no JSON."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802
        if not isinstance(sys.exception(), OSError):
            super().handleError(record)


def _stderr() -> TextIO:
    """Return stderr without a buffer, in which a line that cannot be written would wait and keep others out."""
    return io.TextIOWrapper(io.FileIO(2, "w", closefd=False), encoding="ascii", write_through=True)


def configure(level: str, stream: TextIO | None = None) -> None:
    """Send all logs to ``stream``, by default stderr."""
    handler = _Handler(stream or _stderr())
    handler.setFormatter(JsonFormatter())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    # No line says which thread or process it is of, or where in the code: so nobody has to find out for each.
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    logging._srcfile = None  # noqa: SLF001  (as the logging HOWTO has it, "Optimization")


class LogObserver:
    """Writes the line of each execution."""

    def execution_ended(self, record: Record) -> None:
        """Write it."""
        fields: dict[str, Any] = {
            "execution_id": record.execution_id,
            "request_id": record.submission.request_id[:_MAX_NAME],
            "image": record.image,
            "language": record.language,
            "policy": record.policy,
        }
        if record.result is not None:
            level = logging.ERROR if record.result.fault_domain is FaultDomain.PLATFORM else logging.INFO
            log.log(level, "execution", extra={"fields": fields | _of_result(record.result)})
            return
        timings = {"queued_ns": record.queued_ns, "created_ns": record.created_ns, "ran_ns": record.ran_ns}
        fields |= _fate(record.error) | {"timings": timings}
        ours = fields["fault_domain"] == "PLATFORM"
        log.log(logging.ERROR if ours else logging.INFO, "execution", extra={"fields": fields}, exc_info=record.error)

    def rejected(self, reason: str) -> None:
        """Say that a submission was not taken; quietly, for a client can make any number of these."""
        log.debug("rejected", extra={"fields": {"reason": reason}})


def _of_result(result: ExecutionResult) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "verdict": result.verdict.name,
        "fault_domain": result.fault_domain.name,
        "image_digest": result.image_digest,
        "policy_digest": result.policy_digest,
    }
    if result.compile is not None:
        fields["compile"] = _of_phase(result.compile)
    if result.run is not None:
        fields["run"] = _of_phase(result.run)
    if result.files or result.skipped_files:
        fields["files"] = {"returned": len(result.files), "skipped": len(result.skipped_files)}
    return fields | {"timings": shallow_dict(result.timings)}


def _of_phase(phase: PhaseResult) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "verdict": phase.verdict.name,
        "exit_code": phase.exit_code,
        "signal": phase.signal,
        "blocked_syscall": phase.blocked_syscall or None,
        "cause": shallow_dict(phase.cause) if phase.cause is not None else None,
        "stdout_bytes": phase.stdout.total_bytes,
        "stderr_bytes": phase.stderr.total_bytes,
        "usage": {name: value for name, value in shallow_dict(phase.usage).items() if value is not None},
    }
    return {name: value for name, value in fields.items() if value is not None}


def _fate(error: BaseException | None) -> dict[str, str]:
    """Say what an execution without an answer counts as."""
    if isinstance(error, InvalidSubmission | Overloaded):
        return {"verdict": "NONE", "fault_domain": "CALLER"}
    if isinstance(error, asyncio.CancelledError):
        return {"verdict": "CANCELLED", "fault_domain": "CALLER"}
    return {"verdict": "INTERNAL_ERROR", "fault_domain": "PLATFORM"}


def _of_error(error: BaseException) -> dict[str, Any]:
    """Describe an exception without quoting a submission."""
    fields: dict[str, Any] = {"error": type(error).__name__}
    if isinstance(error, InvalidSubmission):
        return fields | {"bad_fields": [violation.field for violation in error.violations]}
    if isinstance(error, SetupFailed):
        fields |= {"step": error.step, "errno": error.errno}
    if isinstance(error, SandboxError):
        return fields | {"reason": str(error)}
    if isinstance(error, OSError):
        fields |= {"errno": error.errno, "reason": error.strerror}
    frames = traceback.extract_tb(error.__traceback__)
    return fields | {"where": [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames]}
