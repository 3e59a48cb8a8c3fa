"""Executions that have ended, for tests of those who are told."""

from __future__ import annotations

from typing import Any

from sandboxd.model import (
    Command,
    ExecutionResult,
    FaultDomain,
    File,
    Output,
    PhaseResult,
    Source,
    Submission,
    Timings,
    Usage,
    Verdict,
)
from sandboxd.service.observer import Record

MS = 1_000_000
# No log and no label may have it.
SECRET = b"hunter2"
TEXT = SECRET.decode()


def phase(verdict: Verdict = Verdict.OK, **fields: Any) -> PhaseResult:
    usage = Usage(wall_time_ns=20 * MS, cpu_time_ns=10 * MS, memory_peak_bytes=3 << 20, oom_kills=0)
    return PhaseResult(**{"verdict": verdict, "exit_code": 0, "usage": usage, "detail": f"ran {TEXT}"} | fields)


def result(run: PhaseResult | None = None, compiled: PhaseResult | None = None, **fields: Any) -> ExecutionResult:
    values: dict[str, Any] = {
        "execution_id": "e1",
        "request_id": "r1",
        "image_digest": "sha256:1",
        "policy_digest": "sha256:2",
        "fault_domain": FaultDomain.PROGRAM,
        "compile": compiled,
        "run": run,
        "timings": Timings(queued_ns=1 * MS, created_ns=2 * MS, ran_ns=30 * MS, collected_ns=4 * MS),
    }
    return ExecutionResult(**values | fields)


def record(answer: ExecutionResult | None = None, error: BaseException | None = None, **fields: Any) -> Record:
    values: dict[str, Any] = {
        "execution_id": "e1",
        "submission": submission(),
        "image": "default",
        "language": "python",
        "policy": "strict",
        "result": answer,
        "error": error,
        "queued_ns": 1 * MS,
        "created_ns": 2 * MS,
        "ran_ns": 30 * MS,
    }
    return Record(**values | fields)


def submission(**fields: Any) -> Submission:
    source = Source(language="python", files=(File(path=TEXT, content=SECRET),))
    values: dict[str, Any] = {
        "program": source,
        "request_id": "r1",
        "stdin": SECRET,
        "env": {TEXT: TEXT},
        "files": (File(path=f"{TEXT}.txt", content=SECRET * 2),),
        "collect": (TEXT,),
    }
    return Submission(**values | fields)


def command() -> Submission:
    return Submission(program=Command(argv=("/bin/true", TEXT)))


def output(data: bytes, total: int | None = None) -> Output:
    return Output(blocks=(data,), total_bytes=len(data) if total is None else total)
