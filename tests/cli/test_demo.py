"""``make demo``: every program that it promises comes to its end in the table, and nothing is left."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.cli.conftest import environment
from tests.observe import children, group_directories

TIMEOUT_S = 120
PROGRAMS = {
    "a Python program": ("OK", "hello from Python"),
    "a C program": ("OK", "hello from C, compiled in another container"),
    "echo of stdin": ("OK", "what came in"),
    "over its memory": ("MEMORY_LIMIT", ""),
    "spinning": ("CPU_TIME_LIMIT", ""),
    "sleeping": ("WALL_TIME_LIMIT", ""),
    "a fork bomb": ("PROCESS_LIMIT", ""),
    "flooding stdout": ("OUTPUT_LIMIT", "flood flood flood"),
    "the network": ("OK", "Network is unreachable"),
    "a forbidden call": ("SECURITY_VIOLATION", "(kexec_load)"),
    "returning a file": ("OK", "answer.txt: 42"),
}


@pytest.mark.usefixtures("leaves_nothing")
def test_the_table_and_nothing_left_behind(temporary):
    """Its groups are looked for in every hierarchy, by the launcher that it has while it runs."""
    with subprocess.Popen(
        [sys.executable, "-u", "-m", "sandboxd.cli.demo"],
        env=environment(None, TMPDIR=str(temporary)),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as demo:
        try:
            head = demo.stdout.readline()
            (server,) = children(demo.pid)
            (launcher,) = children(server)
            groups = group_directories(launcher)
            rest, errors = demo.communicate(timeout=TIMEOUT_S)
        finally:
            demo.kill()
    *table, empty, last = rest.splitlines()
    verdict, line = head.index("verdict"), head.index("first line of output")
    rows = {row[:verdict].rstrip(): (row[verdict:].split()[0], row[line:]) for row in table}

    assert (0, "") == (demo.returncode, errors)
    assert PROGRAMS.keys() == rows.keys()
    for program, (how, output) in PROGRAMS.items():
        assert (program, how, True) == (program, rows[program][0], rows[program][1].startswith(output))
    assert ("", "the server has stopped; no process, mount or cgroup of it is left") == (empty, last)
    assert groups, "the control: there were some"
    assert [] == [path for path in groups + group_directories(launcher) if path.exists()]
