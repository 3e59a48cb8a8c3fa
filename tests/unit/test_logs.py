"""Logs: one line a run that a machine can read, and nothing of the submission in it."""

from __future__ import annotations

import asyncio
import io
import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandboxd import logs
from sandboxd.errors import ContainerLost, InvalidSubmission, Overloaded, SetupFailed
from sandboxd.model import Cause, FaultDomain, File, SkippedFile, Usage, Verdict
from sandboxd.service.verdict import fault_domain
from tests.unit.records import TEXT, output, phase, record, result, submission


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    """Everything that is logged, while pytest's own handlers are away."""
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    root.handlers.clear()
    stream = io.StringIO()
    logs.configure("DEBUG", stream)
    yield stream
    root.handlers[:] = before
    root.setLevel(level)


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def line_of(stream: io.StringIO, ended) -> dict[str, Any]:
    logs.LogObserver().execution_ended(ended)
    (line,) = lines(stream)
    return line


def test_run_is_one_line_with_how_it_ended_and_what_it_used(stream):
    cause = Cause(limit="memory_bytes", allowed=100, observed=101)
    run = phase(Verdict.MEMORY_LIMIT, exit_code=None, signal=9, cause=cause, usage=Usage(cpu_time_ns=5, oom_kills=1))

    line = line_of(stream, record(result(run, fault_domain=FaultDomain.LIMIT)))

    assert line.pop("time").endswith("Z")
    assert {
        "level": "INFO",
        "logger": "sandboxd.execution",
        "message": "execution",
        "execution_id": "e1",
        "request_id": "r1",
        "image": "default",
        "language": "python",
        "policy": "strict",
        "verdict": "MEMORY_LIMIT",
        "fault_domain": "LIMIT",
        "image_digest": "sha256:1",
        "policy_digest": "sha256:2",
        "run": {
            "verdict": "MEMORY_LIMIT",
            "signal": 9,
            "cause": {"limit": "memory_bytes", "allowed": 100, "observed": 101},
            "stdout_bytes": 0,
            "stderr_bytes": 0,
            "usage": {"cpu_time_ns": 5, "oom_kills": 1},
        },
        "timings": {"queued_ns": 1_000_000, "created_ns": 2_000_000, "ran_ns": 30_000_000, "collected_ns": 4_000_000},
    } == line


def test_both_phases_are_in_it(stream):
    line = line_of(stream, record(result(phase(), compiled=phase(Verdict.OK))))

    assert ("OK", "OK") == (line["compile"]["verdict"], line["run"]["verdict"])


def test_blocked_call_is_in_it(stream):
    line = line_of(stream, record(result(phase(Verdict.SECURITY_VIOLATION, blocked_syscall="kexec_load"))))

    assert "kexec_load" == line["run"]["blocked_syscall"]


def test_nothing_of_the_submission_or_its_output_is_in_it(stream):
    run = phase(stdout=output(TEXT.encode()), stderr=output(TEXT.encode()))
    files = {"files": (File(path=TEXT, content=TEXT.encode()),), "skipped_files": (SkippedFile(path=TEXT, reason="?"),)}

    line = line_of(stream, record(result(run, compiled=run, **files)))

    assert TEXT not in stream.getvalue()
    assert (len(TEXT), {"returned": 1, "skipped": 1}) == (line["run"]["stdout_bytes"], line["files"])


@pytest.mark.parametrize("verdict", Verdict, ids=lambda verdict: verdict.name)
def test_of_all_verdicts_the_one_that_blames_us_is_an_error(stream, verdict):
    line = line_of(stream, record(result(phase(verdict), fault_domain=fault_domain(verdict))))

    assert (verdict.name, "ERROR" if verdict is Verdict.INTERNAL_ERROR else "INFO") == (line["verdict"], line["level"])


def test_failure_of_ours_is_an_error_with_its_step(stream):
    line = line_of(stream, record(error=SetupFailed("pivot_root", 22, "Invalid argument")))

    assert ("ERROR", "INTERNAL_ERROR", "PLATFORM", "SetupFailed", "pivot_root", 22) == tuple(
        line[name] for name in ("level", "verdict", "fault_domain", "error", "step", "errno")
    )
    assert {"queued_ns": 1_000_000, "created_ns": 2_000_000, "ran_ns": 30_000_000} == line["timings"]


def test_lost_container_is_an_error_with_its_reason(stream):
    line = line_of(stream, record(error=ContainerLost("init was killed")))

    assert ("ContainerLost", "init was killed") == (line["error"], line["reason"])


def test_bug_is_told_by_its_place_and_not_by_its_message(stream):
    """A message may quote anything: int() of a line of stdin, a key of env."""
    try:
        int(TEXT)
    except ValueError as error:
        line = line_of(stream, record(error=error))

    assert ("ValueError", "INTERNAL_ERROR") == (line["error"], line["verdict"])
    assert __file__ in line["where"][-1]
    assert TEXT not in stream.getvalue()


def test_error_of_a_file_does_not_name_it(stream):
    try:
        Path(f"/nonexistent/{TEXT}").read_bytes()
    except OSError as error:
        line = line_of(stream, record(error=error))

    assert (2, "No such file or directory") == (line["errno"], line["reason"])
    assert TEXT not in stream.getvalue()


def test_exception_logged_elsewhere_does_not_quote_either(stream):
    try:
        {}[TEXT]
    except KeyError:
        logging.getLogger("grpc").exception("in a handler")

    (line,) = lines(stream)
    assert ("in a handler", "KeyError") == (line["message"], line["error"])
    assert TEXT not in stream.getvalue()


def test_submission_refused_late_is_the_callers_and_names_fields_only(stream):
    line = line_of(stream, record(error=InvalidSubmission.of("files[3].path", f"{TEXT} is twice")))

    assert ("INFO", "CALLER", ["files[3].path"]) == (line["level"], line["fault_domain"], line["bad_fields"])
    assert TEXT not in stream.getvalue()


def test_one_whose_turn_was_refused_is_no_failure_of_ours(stream):
    line = line_of(stream, record(error=Overloaded("its answers have not been read", retry_after_s=1)))

    assert ("INFO", "CALLER") == (line["level"], line["fault_domain"])


def test_cancelled_task_is_no_failure_of_ours(stream):
    line = line_of(stream, record(error=asyncio.CancelledError()))

    assert ("INFO", "CANCELLED", "CALLER") == (line["level"], line["verdict"], line["fault_domain"])


def test_refusal_is_quiet(stream):
    """A client can make any number of them; metrics count them."""
    logs.LogObserver().rejected("overloaded")

    (line,) = lines(stream)
    assert ("DEBUG", "overloaded") == (line["level"], line["reason"])


def test_request_id_is_cut(stream):
    line = line_of(stream, record(result(phase()), submission=submission(request_id="x" * 5000)))

    assert "x" * 128 == line["request_id"]


@given(st.text())
def test_line_is_printable_ascii_whatever_is_in_it(text):
    made = logging.makeLogRecord({"msg": "%s", "args": (text,), "fields": {"request_id": text}})

    line = logs.JsonFormatter().format(made)

    assert line.isascii()
    assert line.isprintable()
    assert {text} == {json.loads(line)["message"], json.loads(line)["request_id"]}


@pytest.mark.parametrize("text", ["\x1b[2J", "a\nb", "\x7f", "\x9b2J", "\u2028", "\udcff", "\x00"])
def test_control_characters_are_escaped(text):
    line = logs.JsonFormatter().format(logging.makeLogRecord({"msg": text}))

    assert line.isprintable()
    assert text == json.loads(line)["message"]
