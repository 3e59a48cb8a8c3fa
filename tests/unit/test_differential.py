"""The differential suite can fail: its comparison sees every difference that counts, and none that does not."""

from __future__ import annotations

import pytest
from google.protobuf import json_format

from sandboxd.v1 import execution_service_pb2 as pb
from tests.differential import comparison, cpython, starts
from tests.differential.normal import normal, without_figures
from tests.differential.program import Program, load_programs


def answer(**run):
    fields = {"exit_code": 0, "stdout": pb.Output(data=b"out"), "stderr": pb.Output(data=b"err"), **run}
    return pb.ExecuteResponse(
        verdict=pb.VERDICT_OK, run=pb.PhaseResult(**fields), files=[pb.File(path="f", content=b"1")]
    )


@pytest.mark.parametrize(
    ("part", "change"),
    [
        ("verdict", lambda r: setattr(r, "verdict", pb.VERDICT_NONZERO_EXIT)),
        ("fault domain", lambda r: setattr(r, "fault_domain", pb.FAULT_DOMAIN_LIMIT)),
        ("exit code", lambda r: setattr(r.run, "exit_code", 1)),
        ("exit code", lambda r: r.run.ClearField("exit_code")),
        ("signal", lambda r: setattr(r.run, "signal", 9)),
        ("cause", lambda r: setattr(r.run.cause, "limit", "memory_bytes")),
        ("blocked syscall", lambda r: setattr(r.run, "blocked_syscall", "mount")),
        ("detail", lambda r: setattr(r.run, "detail", "other words")),
        ("stdout", lambda r: setattr(r.run.stdout, "data", b"out\n")),
        ("stderr", lambda r: setattr(r.run.stderr, "data", b"")),
        ("truncated", lambda r: setattr(r.run.stderr, "truncated", True)),
        ("files", lambda r: setattr(r.files[0], "content", b"2")),
        ("files", lambda r: setattr(r.files[0], "mode", 0o755)),
        ("files", lambda r: r.files.pop()),
        ("skipped files", lambda r: r.skipped_files.add(path="link", reason="not a regular file")),
        ("policy", lambda r: setattr(r, "policy_digest", "sha256:0")),
        ("image", lambda r: setattr(r, "image_digest", "sha256:0")),
    ],
)
def test_what_differs_is_said_unless_it_is_expected(part, change):
    warm = answer()
    change(warm)
    (difference,) = comparison.differences(answer(), warm)

    assert difference.startswith(f"{part}: cold ")
    assert [] == comparison.differences(answer(), warm, {part: "a reason"})


def test_answers_that_are_the_same_do_not_differ():
    """Neither do names of the server's, figures of usage, and what it was started from: the tests look at that by itself."""
    warm = answer()
    warm.execution_id, warm.run.start, warm.run.usage.minor_faults = "2", pb.START_POOLED, 7

    assert [] == comparison.differences(answer(), warm)


def test_a_part_that_no_answer_has_cannot_be_expected():
    with pytest.raises(AssertionError, match="stdin"):
        comparison.differences(answer(), answer(), {"stdin": "a reason"})


def test_an_excerpt_begins_in_the_line_where_two_outputs_part():
    long = b"same\n" * 1000
    cold, warm = (answer(stdout=pb.Output(data=long + end)) for end in (b"one", b"two"))

    assert ["stdout: cold from byte 5000: b'one', warm from byte 5000: b'two'"] == comparison.differences(cold, warm)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (b"<object at 0x7f12ab34cd56>", b"<object at 0x7f99ab34cd50>"),
        (b"<Thread(main, started 140672723099712)>", b"<Thread(main, started 139883564941376)>"),
        (b"/tmp/tmpab12cd_9/x", b"/tmp/tmp00000000/x"),
        (b"Ran 3 tests in 0.001s", b"Ran 3 tests in 1.500s"),
    ],
)
def test_what_is_another_in_every_run_is_taken_out(one, other):
    assert one != other
    assert normal(one) == normal(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [(b"0x10", b"0x11"), (b"pid 2", b"pid 3"), (b"Ran 3 tests in 1s", b"Ran 4 tests in 1s"), (b"/tmp/a", b"/tmp/b")],
)
def test_nothing_else_is(one, other):
    assert normal(one) != normal(other)


def test_details_are_compared_without_what_was_measured():
    assert without_figures("did not end within 0.3 s") == without_figures("did not end within 0.31 s")
    assert without_figures("did not end") != without_figures("did not start")


@pytest.mark.parametrize(
    "header", ['# outcom = "OK"', '# outcome = "WAT"', '# limits = { memory = "1MiB" }', "# args = [1"]
)
def test_a_header_that_is_wrong_is_refused(tmp_path, header):
    path = tmp_path / "x.py"
    path.write_text(f"# What it is about.\n{header}\nprint(1)\n")
    with pytest.raises((ValueError, json_format.ParseError)) as refused:
        Program(path)

    assert refused.value.args


def test_programs_ask_for_what_their_headers_say(tmp_path):
    path = tmp_path / "x.py"
    path.write_text(
        '# About it.\n# stdin = "in"\n# limits = { memory_bytes = "1MiB", cpu_time = "2s" }\n\n# tty = true\nprint(1)\n'
    )
    request = Program(path).request()

    assert (b"in", 1 << 20, 2, False) == (
        request.stdin,
        request.limits.memory_bytes,
        request.limits.cpu_time.seconds,
        request.tty,
    )
    assert path.read_bytes() == request.source.code


def test_there_are_some_hundred_programs_in_the_suite():
    assert 500 < len(load_programs())
    assert 150 < len(cpython.load_modules())


@pytest.mark.parametrize(
    ("request_", "start"),
    [
        (pb.ExecuteRequest(source=pb.Source(language="python")), pb.START_TEMPLATE),
        (pb.ExecuteRequest(source=pb.Source(language="python"), tty=True), pb.START_POOLED),
        (
            pb.ExecuteRequest(source=pb.Source(language="python"), limits=pb.Limits(stack_bytes=1 << 20)),
            pb.START_POOLED,
        ),
        (pb.ExecuteRequest(command=pb.Command(argv=["true"])), pb.START_POOLED),
    ],
)
def test_what_there_is_a_template_for_must_be_started_from_it(monkeypatch, request_, start):
    assert start == starts.warm_start(request_)

    monkeypatch.setattr(starts, "TEMPLATES", False)
    assert pb.START_POOLED == starts.warm_start(request_)
