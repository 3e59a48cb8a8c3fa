"""Without --server and SANDBOXD_SERVER a server is started for the one call, and nothing of it stays."""

from __future__ import annotations

import os
import signal

import pytest
from google.protobuf import json_format

from sandboxd.v1 import execution_service_pb2 as pb
from tests.cli.conftest import call, ended, started, the_line
from tests.observe import wait_for

pytestmark = pytest.mark.usefixtures("leaves_nothing")


def test_run(temporary, tmp_path):
    """All of it: a compiler, input, output, a status, a file that comes back. No log of the server's in between."""
    (tmp_path / "copy.c").write_text(
        "#include <stdio.h>\n"
        'int main(void) { FILE *f = fopen("out", "w"); for (int c; (c = getchar()) >= 0;) putc(c, f), putchar(c); return 5; }'
    )
    words = ("--stdin", "-", "--collect", "out", "copy.c")
    result = call("run", *words, input=b"in", cwd=tmp_path, env={"TMPDIR": str(temporary)})

    assert (5, b"in") == (result.returncode, result.stdout)
    assert "sandboxd: NONZERO_EXIT: the program exited with status 5" == the_line(result)
    assert b"in" == (tmp_path / "out").read_bytes()


def test_a_configuration_for_others(temporary, tmp_path):
    """Address, TLS and metrics are for clients from elsewhere; this server has one, which is here."""
    config = tmp_path / "sandboxd.toml"
    config.write_text(
        'listen = "0.0.0.0:1"\ntls_cert = "/nonexistent"\ntls_key = "/nonexistent"\nmetrics_listen = "0.0.0.0:1"\n'
    )
    result = call("run", "--", "echo", "hello", env={"TMPDIR": str(temporary), "SANDBOXD_CONFIG": str(config)})

    assert (0, b"hello\n", b"") == (result.returncode, result.stdout, result.stderr)


def test_run_json(temporary):
    result = call("run", "--json", "--", "echo", "hello", env={"TMPDIR": str(temporary)})
    answer = json_format.Parse(result.stdout, pb.ExecuteResponse())

    assert (0, b"") == (result.returncode, result.stderr)
    assert (pb.VERDICT_OK, b"hello\n") == (answer.verdict, answer.run.stdout.data)


def test_a_request_that_is_refused(temporary):
    result = call("run", "--memory", "1", "--", "true", env={"TMPDIR": str(temporary)})

    assert (125, b"") == (result.returncode, result.stdout)
    assert "limits.memory_bytes" in the_line(result)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_while_the_program_runs(temporary, number):
    words = ("run", "--", "sh", "-c", "echo ready; exec sleep 20")
    with started(*words, server=None, env={"TMPDIR": str(temporary)}) as process:
        assert b"ready\n" == process.stdout.readline()
        process.send_signal(number)

        assert (128 + number, b"", []) == ended(process)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_while_the_server_starts(temporary, number):
    """It is let start, and then stopped."""
    with started("run", "--", "sleep", "20", server=None, env={"TMPDIR": str(temporary)}) as process:
        wait_for(lambda: os.listdir(temporary))
        process.send_signal(number)

        assert (128 + number, b"", []) == ended(process)


@pytest.mark.parametrize(
    ("variable", "value", "why"),
    [
        ("SANDBOXD_CONFIG", "missing.toml", "missing.toml: "),
        ("SANDBOXD_STATE_DIR", "missing", "image: no default in missing/images (fix: make setup)"),
        ("SANDBOXD_SLOTS", "many", "SANDBOXD_SLOTS: "),
        ("SANDBOXD_NO_SUCH_SETTING", "1", "SANDBOXD_NO_SUCH_SETTING"),
    ],
)
def test_a_server_that_cannot_start(temporary, tmp_path, variable, value, why):
    result = call("run", "--", "true", cwd=tmp_path, env={"TMPDIR": str(temporary), variable: value})

    assert (125, b"") == (result.returncode, result.stdout)
    line = the_line(result)
    assert line.startswith("sandboxd: cannot start a server for this call: ")
    assert why in line
