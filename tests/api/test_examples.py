"""The examples, as a reader would start them: each against a real server, by what it prints."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"
BUF = Path(sys.executable).with_name("buf")


def example(*argv, stdin=""):
    """Run one to its end; returns what it printed."""
    result = subprocess.run(
        argv,
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        cwd=EXAMPLES.parent,
        env={**os.environ, "BUF": str(BUF)},
    )
    assert 0 == result.returncode, result.stderr
    return result


def test_python_client(api):
    output = example(sys.executable, EXAMPLES / "python_client.py", api.app.address).stdout.splitlines()

    assert ["verdict: VERDICT_OK", "stdout:  42"] == output[:2]
    assert 0 < int(output[2].split()[1]) <= 64 << 20


def test_judge_loop(api):
    """One submission, six tests, five different ends."""
    *tests, last = example(sys.executable, EXAMPLES / "judge_loop.py", api.app.address).stdout.splitlines()

    assert ["ACCEPTED", "ACCEPTED", "WRONG_ANSWER", "CPU_TIME_LIMIT", "SIGNALED", "NONZERO_EXIT"] == [
        line.split()[2] for line in tests
    ]
    assert "2 of 6 passed" == last


def test_stream_repl(api):
    """Each line goes in when the interpreter waits; the error of the last does not end the conversation."""
    result = example(
        sys.executable, EXAMPLES / "stream_repl.py", api.app.address, stdin="1 + 1\nx = 20\nx * 2 + 2\n1 / 0\n"
    )

    assert ["2", "42", "", "VERDICT_OK"] == result.stdout.splitlines()
    assert 5 == result.stderr.count(">>> ")
    assert "ZeroDivisionError" in result.stderr


def test_buf_curl(server):
    """From the shell, by reflection; it wants HOST:PORT."""
    output = example("bash", EXAMPLES / "buf_curl.sh", server.address).stdout

    assert '"verdict": "VERDICT_OK"' in output
    assert '"requestId": "from-the-shell"' in output
    assert '"data": "NDIK"' in output, "42 and a newline, in base64"


@pytest.mark.parametrize("name", sorted(path.name for path in EXAMPLES.iterdir() if path.is_file()))
def test_every_example_has_a_test(name):
    assert f"test_{Path(name).stem}" in globals()
