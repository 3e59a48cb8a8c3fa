"""``sandboxd run`` behaves as the program would: its streams, its exit status, and a line where a verdict is to be told."""

from __future__ import annotations

import os
import signal

import pytest

from tests.cli.conftest import TIMEOUT_S, ended, the_line, with_streams
from tests.observe import wait_for

HELLO_C = '#include <stdio.h>\nint main(void) { puts("hello from C"); return 3; }\n'
ALL_BYTES = bytes(range(256))


def test_streams_are_the_programs_own(sandboxd):
    """Both, byte for byte, and nothing of ours beside them."""
    code = "import sys; sys.stdout.buffer.write(bytes(range(256))); sys.stderr.buffer.write(bytes(range(255, -1, -1)))"
    result = sandboxd("run", "--", "python3", "-c", code)

    assert (0, ALL_BYTES, ALL_BYTES[::-1]) == (result.returncode, result.stdout, result.stderr)


def test_output_comes_while_the_program_runs(start):
    """The program waits for what is typed only after its line was read."""
    process = start("run", "--stdin", "-", "--", "sh", "-c", "echo name?; read name; echo hello $name")

    assert b"name?\n" == process.stdout.readline()
    process.stdin.write(b"you\n")
    process.stdin.flush()
    assert b"hello you\n" == process.stdout.readline()
    assert (0, b"", []) == ended(process)


@pytest.mark.parametrize(
    ("flags", "command", "status", "line"),
    [
        ((), "exit 7", 7, "NONZERO_EXIT: the program exited with status 7"),
        ((), "exit 255", 255, "NONZERO_EXIT: the program exited with status 255"),
        ((), "kill -TERM $$", 143, "SIGNALED: the program was ended by SIGTERM"),
        ((), "kill -SEGV $$", 139, "SIGNALED: the program was ended by SIGSEGV"),
        (("--cpu-time", "200ms"), "while :; do :; done", 124, "CPU_TIME_LIMIT: "),
        (("--wall-time", "0.2s"), "sleep 20", 124, "WALL_TIME_LIMIT: the program did not end within 0.2 s"),
        (("--memory", "64MiB"), "python3 -c 'x = bytearray(1 << 30)'", 137, "MEMORY_LIMIT: "),
        (("--output-limit", "1k"), "yes", 137, "OUTPUT_LIMIT: the program wrote more than 1024 bytes of output"),
        (("--disk", "1MiB"), "head -c 2M /dev/zero > f", 1, "DISK_LIMIT: "),
        (("--file-size", "1MiB"), "exec head -c 2M /dev/zero > f", 153, "DISK_LIMIT: "),
        (("--processes", "2"), "sleep 1 & sleep 1 & sleep 1 & wait", 2, "PROCESS_LIMIT: "),
    ],
)
def test_exit_status_and_the_verdicts_line(sandboxd, flags, command, status, line):
    result = sandboxd("run", *flags, "--", "sh", "-c", command)

    last = result.stderr.decode().splitlines()[-1]
    assert status == result.returncode, last
    assert last.startswith(f"sandboxd: {line}")


def test_a_verdict_is_one_line_alone(sandboxd):
    result = sandboxd("run", "--", "false")

    assert "sandboxd: NONZERO_EXIT: the program exited with status 1" == the_line(result)
    assert b"" == result.stdout


def test_a_command_that_is_not_there(sandboxd):
    result = sandboxd("run", "--", "no-such-program")

    assert (127, b"") == (result.returncode, result.stdout)
    assert "No such file or directory" in the_line(result)


@pytest.mark.parametrize(
    ("name", "code", "output"),
    [
        ("hello.py", "print('hello from Python')", b"hello from Python\n"),
        ("HELLO.PY", "import sys; print(sys.argv[0])", b"HELLO.PY\n"),
        ("hello.sh", "echo hello from sh", b"hello from sh\n"),
        ("hello.cpp", '#include <iostream>\nint main() { std::cout << "hello from C++\\n"; }', b"hello from C++\n"),
    ],
)
def test_a_file_runs_in_the_language_of_its_extension(sandboxd, tmp_path, name, code, output):
    (tmp_path / name).write_text(code)
    result = sandboxd("run", name)

    assert (0, output, b"") == (result.returncode, result.stdout, result.stderr)


def test_a_c_program_by_its_file_name(sandboxd, tmp_path):
    (tmp_path / "hello.c").write_text(HELLO_C)
    result = sandboxd("run", str(tmp_path / "hello.c"))

    assert (3, b"hello from C\n") == (result.returncode, result.stdout)
    assert "NONZERO_EXIT" in the_line(result)


def test_what_the_compiler_says_is_shown(sandboxd, tmp_path):
    (tmp_path / "bad.c").write_text("int main(void) { return missing; }\n")
    result = sandboxd("run", "bad.c")
    errors = result.stderr.decode().splitlines()

    assert (1, b"") == (result.returncode, result.stdout)
    assert any(line.startswith("bad.c:1:25: error: ") and "missing" in line for line in errors), errors
    assert errors[-1].startswith("sandboxd: COMPILE_ERROR: ")


def test_language_has_the_last_word(sandboxd, tmp_path):
    (tmp_path / "script").write_text("print('as Python')")
    result = sandboxd("run", "--language", "python", "script")

    assert (0, b"as Python\n") == (result.returncode, result.stdout)


def test_flags_may_follow_the_file(sandboxd, tmp_path):
    (tmp_path / "greet.py").write_text("import os; print(os.environ['NAME'])")
    result = sandboxd("run", "greet.py", "--env", "NAME=you")

    assert (0, b"you\n") == (result.returncode, result.stdout)


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("each.py", "import sys\nfor word in sys.argv[1:]: print(f'<{word}>')"),
        ("each.sh", 'for word; do echo "<$word>"; done'),
        (
            "each.c",
            '#include <stdio.h>\nint main(int n, char **v) { for (int i = 1; i < n; i++) printf("<%s>\\n", v[i]); }',
        ),
    ],
)
def test_what_follows_the_file_are_its_arguments(sandboxd, tmp_path, name, code):
    """Word for word; those that look like flags behind dashes."""
    (tmp_path / name).write_text(code)
    result = sandboxd("run", name, "one", "two words", "", "--", "--json", "--")

    assert (0, b"<one>\n<two words>\n<>\n<--json>\n<-->\n", b"") == (result.returncode, result.stdout, result.stderr)


def test_what_follows_the_dashes_is_the_programs(sandboxd):
    """Flags that we have too, and dashes of its own."""
    result = sandboxd("run", "--", "echo", "--json", "--", "--help")

    assert (0, b"--json -- --help\n") == (result.returncode, result.stdout)


def test_env(sandboxd):
    """K=V as it is, V with an = and empty; K alone passes this one's on."""
    command = 'printf "%s|%s|%s" "$A" "${B-unset}" "$OURS"'
    flags = ("--env", "A=x=y\u00fc z", "-e", "B=", "--env", "OURS")
    result = sandboxd("run", *flags, "--", "sh", "-c", command, env={"OURS": "passed on"})

    assert "x=y\u00fc z||passed on".encode() == result.stdout


def test_files(sandboxd, tmp_path):
    """Under its own name, under another, with a colon in its own; executable if it was."""
    (tmp_path / "a").write_bytes(ALL_BYTES)
    (tmp_path / "b:c").write_text("colon")
    (tmp_path / "tool").write_text("#!/bin/sh\necho it runs\n")
    (tmp_path / "tool").chmod(0o755)
    flags = ("--file", "a", "--file", "a:sub/other", "--file", "b:c", "--file", f"{tmp_path}/tool")
    result = sandboxd("run", *flags, "--", "sh", "-c", "cmp a sub/other && cat b:c a && ./tool")

    assert (0, b"colon" + ALL_BYTES + b"it runs\n") == (result.returncode, result.stdout)


@pytest.mark.parametrize("json", [(), ("--json",)])
def test_standard_input_is_a_file_or_ours_or_empty(sandboxd, tmp_path, json):
    (tmp_path / "input").write_bytes(b"from a file")
    inputs = [
        sandboxd(
            "run", *json, *flags, "--", "sh", "-c", 'test "$(cat)" = "$0"', expected, input=b"from ours"
        ).returncode
        for flags, expected in [(("--stdin", "input"), "from a file"), (("--stdin", "-"), "from ours"), ((), "")]
    ]

    assert [0, 0, 0] == inputs


def test_standard_input_of_a_megabyte(sandboxd):
    data = os.urandom(1 << 20)
    result = sandboxd("run", "--output-limit", "2MiB", "--stdin", "-", "--", "cat", input=data)

    assert (0, data) == (result.returncode, result.stdout)


def test_a_standard_input_that_cannot_be_read_is_empty(sandboxd):
    with open(os.devnull, "wb") as unreadable:
        result = sandboxd("run", "--stdin", "-", "--", "cat", stdin=unreadable)

    assert (0, b"", b"") == (result.returncode, result.stdout, result.stderr)


@pytest.mark.parametrize("json", [(), ("--json",)])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_the_program_too(start, client, number, json):
    """It is told by the status alone: whoever sent it knows."""
    process = start("run", *json, "--", "sleep", "20")
    wait_for(lambda: [execution for execution in client.list() if execution.phase])
    process.send_signal(number)

    assert (128 + number, b"", []) == ended(process)
    wait_for(lambda: not client.list())


def test_a_reader_that_has_seen_enough_ends_the_program_too(start, client):
    process = start("run", "--", "sh", "-c", "while echo line; do sleep 0.01; done")
    assert b"line\n" == process.stdout.readline()
    process.stdout.close()

    assert 128 + signal.SIGPIPE == process.wait(TIMEOUT_S)
    assert b"" == process.stderr.read()
    wait_for(lambda: not client.list())


def test_a_reader_that_does_not_wait_for_the_answer(start):
    process = start("run", "--json", "--", "true")
    process.stdout.close()

    assert 128 + signal.SIGPIPE == process.wait(TIMEOUT_S)
    assert b"" == process.stderr.read()


def test_a_stream_that_is_closed_is_nobody_elses(sandboxd):
    """Its number is not given to the next file or socket: what the program writes there goes nowhere and is missed."""
    write_out = ("run", "--", "echo", "hello")
    write_err = ("run", "--", "sh", "-c", "echo hello >&2")
    read = ("run", "--stdin", "-", "--", "cat")
    results = [
        sandboxd(*command, under=with_streams(closed))
        for command, closed in ((write_out, ">&-"), (write_err, "2>&-"), (read, "<&-"))
    ]

    assert [125, 125, 0] == [result.returncode for result in results]
    assert "sandboxd: stdout: Bad file descriptor" == the_line(results[0])


def test_streams_that_nobody_uses_may_be_closed(sandboxd, tmp_path):
    closed = with_streams("<&- >&- 2>&-")
    result = sandboxd("run", "--collect", "f", "--", "sh", "-c", "echo collected > f", under=closed)

    assert (0, "collected\n") == (result.returncode, (tmp_path / "f").read_text())
