"""``ps``, ``stop``, ``logs`` and ``attach`` of runs that go on beside them."""

from __future__ import annotations

import re
import signal

import pytest
from google.protobuf import json_format

from sandboxd.v1 import execution_service_pb2 as pb
from tests.api.conftest import command
from tests.cli.conftest import TIMEOUT_S, ended, the_line
from tests.observe import wait_for

SLEEPER = ("run", "--stdin", "-", "--wall-time", "25s", "--", "sh", "-c", "echo ready; exec sleep 20")
ECHOER = ("run", "--stdin", "-", "--wall-time", "25s", "--", "sh", "-c", "echo ready; while read x; do echo $x; done")


@pytest.fixture
def running(start, client):
    """Start a run and wait until its program has said that it is ready; returns the process and the id."""

    def running(arguments=SLEEPER):
        before = {execution.execution_id for execution in client.list()}
        process = start(*arguments)
        assert b"ready\n" == process.stdout.readline()
        (execution,) = [e.execution_id for e in client.list() if e.execution_id not in before]
        return process, execution

    return running


def table(result):
    """Return the rows of ps; columns are two spaces apart."""
    assert (0, b"") == (result.returncode, result.stderr)
    return [re.split(r" {2,}", line) for line in result.stdout.decode().splitlines()]


HEAD = ["EXECUTION ID", "IMAGE", "LANGUAGE", "PROGRAM", "STATUS", "AGE", "CPU", "MEMORY"]


def test_ps_of_nothing_is_its_head(sandboxd):
    assert [HEAD] == table(sandboxd("ps"))


def test_ps_lists_what_runs_the_oldest_first(sandboxd, running, tmp_path):
    (tmp_path / "wait.py").write_text("print('ready', flush=True); input()")
    _, first = running()
    _, second = running(("run", "--stdin", "-", str(tmp_path / "wait.py")))
    head, *rows = table(sandboxd("ps"))

    assert HEAD == head
    assert [first[:12], "default", "-", "sh", "run"] == rows[0][:5]
    assert [second[:12], "default", "python", "wait.py", "run"] == rows[1][:5]
    assert all(re.fullmatch(r"\d+\.\ds \d+\.\d\ds \d+\.\dMiB", " ".join(row[5:])) for row in rows), rows


def test_ps_in_full_and_in_json(sandboxd, running):
    _, execution = running()
    (_, row) = table(sandboxd("ps", "--no-trunc"))
    answer = json_format.Parse(sandboxd("ps", "--json").stdout, pb.ListExecutionsResponse())

    assert execution == row[0]
    assert [(execution, pb.PHASE_RUN)] == [(e.execution_id, e.phase) for e in answer.executions]


def test_ps_shows_what_has_ended_when_asked(sandboxd, client):
    """With its verdict, and ids alone for scripts."""
    ok, failed = (client.execute(command("sh", "-c", f"exit {status}")).execution_id for status in (0, 3))
    _, *rows = table(sandboxd("ps", "-a"))
    ids = sandboxd("ps", "-aq", "--no-trunc").stdout.decode().split()

    assert [[ok[:12], "sh", "OK"], [failed[:12], "sh", "NONZERO_EXIT"]] == [[row[0], *row[3:5]] for row in rows[-2:]]
    assert [ok, failed] == ids[-2:]
    assert b"" == sandboxd("ps", "-q").stdout


@pytest.mark.parametrize("length", [32, 12, 8])
def test_stop_asks_and_its_caller_is_told(sandboxd, running, length):
    """It returns when the program, which does not catch SIGTERM, has ended. Eight digits: four are soon those of two."""
    process, execution = running()
    result = sandboxd("stop", execution[:length])

    assert (0, f"{execution[:length]}\n".encode(), b"") == (result.returncode, result.stdout, result.stderr)
    status, output, errors = ended(process)
    assert (143, b"") == (status, output)
    assert ["sandboxd: CANCELLED: "] == [line[:21] for line in errors]


def test_stop_lets_a_program_end_by_itself(sandboxd, running):
    process, execution = running(
        ("run", "--stdin", "-", "--", "sh", "-c", "trap 'echo cleaned; exit 4' TERM; echo ready; read x")
    )
    sandboxd("stop", execution)
    status, output, errors = ended(process)

    assert (4, b"cleaned\n") == (status, output)
    assert ["sandboxd: CANCELLED: "] == [line[:21] for line in errors]


@pytest.mark.parametrize("seconds", ["0", "0.5"])
def test_stop_kills_who_does_not(sandboxd, running, seconds):
    process, execution = running(
        ("run", "--stdin", "-", "--", "sh", "-c", "trap 'echo no' TERM; echo ready; while true; do sleep 0.1; done")
    )
    result = sandboxd("stop", "-t", seconds, execution)

    assert 0 == result.returncode
    assert (137, b"no\n" if float(seconds) else b"") == ended(process)[:2]


def test_stop_of_several_stops_those_that_are_there(sandboxd, running):
    (one, first), (two, second) = running(), running()
    result = sandboxd("stop", first, "0" * 32, second)

    assert (125, f"{first}\n{second}\n".encode()) == (result.returncode, result.stdout)
    assert "'00000000000000000000000000000000': no execution that runs" in the_line(result)
    assert [143, 143] == [ended(process)[0] for process in (one, two)]


def test_an_id_that_says_too_little(sandboxd, client):
    """Of seventeen, two begin alike. Nothing is stopped, and nothing by an id that is empty."""
    calls = [client.stub.Execute.future(command("sleep", "20")) for _ in range(17)]
    wait_for(lambda: len(client.list()) == len(calls))
    ids = [execution.execution_id for execution in client.list()]
    digit = next(digit for digit in "0123456789abcdef" if sum(id_.startswith(digit) for id_ in ids) > 1)
    results = [sandboxd("stop", prefix) for prefix in (digit, "")]
    after = [execution.execution_id for execution in client.list()]
    for call in calls:
        call.cancel()
    wait_for(lambda: not client.list())

    assert [125, 125] == [result.returncode for result in results]
    assert re.fullmatch(rf"sandboxd: {digit}: the ids of \d+ executions begin so", the_line(results[0]))
    assert ids == after


def test_logs_show_what_was_written(sandboxd, running):
    """Until now, each stream on ours; and again once it has ended."""
    process, execution = running(
        ("run", "--stdin", "-", "--", "sh", "-c", "echo ready; echo err >&2; read x; echo late")
    )
    assert b"err\n" == process.stderr.readline()
    now = sandboxd("logs", execution[:12])
    process.stdin.write(b"\n")
    ended(process)
    later = sandboxd("logs", execution[:12])

    assert (0, b"ready\n", b"err\n") == (now.returncode, now.stdout, now.stderr)
    assert (0, b"ready\nlate\n", b"err\n") == (later.returncode, later.stdout, later.stderr)


def test_logs_follow_to_the_end(start, running):
    process, execution = running(ECHOER)
    logs = start("logs", "-f", execution[:12])
    assert b"ready\n" == logs.stdout.readline()
    say(process, b"more\n")
    assert b"more\n" == logs.stdout.readline()
    process.stdin.close()

    assert (0, b"", []) == ended(logs)
    assert 0 == process.wait(TIMEOUT_S)


def test_whoever_follows_may_leave(start, running):
    """The program goes on."""
    process, execution = running(ECHOER)
    logs = start("logs", "--follow", execution)
    assert b"ready\n" == logs.stdout.readline()
    logs.send_signal(signal.SIGINT)

    assert (130, b"", []) == ended(logs)
    say(process, b"still here\n")
    assert b"still here\n" == process.stdout.readline()


def test_attach_joins_both_ways(start, running):
    """What is typed there reaches the program, what it says reaches both, and both end as it does."""
    process, execution = running(
        ("run", "--stdin", "-", "--", "sh", "-c", "echo ready; read x; echo got $x; read y; exit $y")
    )
    joined = start("attach", execution[:12])
    say(joined, b"it\n")
    assert [b"got it\n"] * 2 == [joined.stdout.readline(), process.stdout.readline()]
    say(process, b"9\n")

    line = ["sandboxd: NONZERO_EXIT: the program exited with status 9"]
    assert [(9, b"", line)] * 2 == [ended(joined), ended(process)]


def test_whoever_is_attached_may_leave(start, running):
    """The program goes on, and so does its input."""
    process, execution = running(ECHOER)
    joined = start("attach", execution)
    say(joined, b"a\n")
    assert b"a\n" == joined.stdout.readline()
    joined.send_signal(signal.SIGINT)

    assert (0, b"", []) == ended(joined)
    assert b"a\n" == process.stdout.readline()
    say(process, b"b\n")
    assert b"b\n" == process.stdout.readline()


def test_attach_only_listens_where_there_is_no_input_to_join(start, client):
    """A run that was not started with its streams open has had all of its input."""
    call = client.stub.Execute.future(command("sh", "-c", "sleep 1; echo late; exit 3"))
    (execution,) = wait_for(lambda: [e for e in client.list() if e.phase])
    joined = start("attach", execution.execution_id)
    say(joined, b"typed")

    assert (3, b"late\n") == ended(joined)[:2]
    assert 3 == call.result().run.exit_code


def say(process, data):
    """Type into a process."""
    process.stdin.write(data)
    process.stdin.flush()
