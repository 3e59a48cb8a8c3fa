"""One JSON line a run: what it was, how it ended, what it used. Never a byte of the submission or its output."""

from __future__ import annotations

import json
import logging
import sys
import time
from dataclasses import asdict
from typing import Any

from sandboxd.service.observer import Record

log = logging.getLogger("sandboxd.execution")


class JsonFormatter(logging.Formatter):
    """A record as one JSON object; json escapes every control character."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        line: dict[str, Any] = {
            "time": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created)) + f".{int(record.msecs):03d}Z",
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line)


def configure(level: str) -> None:
    """Send all logs to stderr, as JSON."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter())
    logging.basicConfig(level=level, handlers=[handler], force=True)


class LogObserver:
    """Writes the line of each execution."""

    def execution_ended(self, record: Record) -> None:
        """Write it."""
        fields: dict[str, Any] = {
            "execution_id": record.execution_id,
            "request_id": record.submission.request_id,
            "image": record.image,
            "language": record.language,
            "policy": record.policy,
            "queued_ns": record.queued_ns,
            "created_ns": record.created_ns,
            "ran_ns": record.ran_ns,
        }
        if record.result is not None:
            fields |= _of_result(record.result)
        else:
            fields |= {"verdict": "INTERNAL_ERROR", "fault_domain": "PLATFORM", "error": str(record.error)}
        log.log(logging.INFO if record.result is not None else logging.ERROR, "execution", extra={"fields": fields})

    def rejected(self, reason: str) -> None:
        """Say why a submission was not taken."""
        log.info("rejected", extra={"fields": {"reason": reason}})

    def queue_depth(self, depth: int) -> None:
        """Metrics have it."""

    def containers(self, live: int) -> None:
        """Metrics have it."""


def _of_result(result: Any) -> dict[str, Any]:
    phase = result.decisive
    fields: dict[str, Any] = {
        "verdict": result.verdict.name,
        "fault_domain": result.fault_domain.name,
        "exit_code": phase.exit_code,
        "signal": phase.signal,
        "stdout_bytes": phase.stdout.total_bytes,
        "stderr_bytes": phase.stderr.total_bytes,
        "usage": {name: value for name, value in asdict(phase.usage).items() if value is not None},
        "collected_ns": result.timings.collected_ns,
    }
    if phase.blocked_syscall:
        fields["blocked_syscall"] = phase.blocked_syscall
    if phase.cause is not None:
        fields["limit"] = phase.cause.limit
    return fields
