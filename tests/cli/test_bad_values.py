"""Whatever is wrong with a command is said in one line that names the flag or the field; nothing runs."""

from __future__ import annotations

import pytest

from tests.cli.conftest import call, the_line, with_streams

OURS = 125
LONG = "9" * 400 + ".5"


def error_of(result):
    """Return the line that says what is wrong; what is wrong with the flags themselves has the usage before it."""
    assert b"" == result.stdout
    assert b"Traceback" not in result.stderr
    assert OURS == result.returncode
    lines = result.stderr.decode().splitlines()
    if lines[0].startswith("Usage:"):
        _, hint, empty, line = lines
        assert ("Try", "") == (hint.split()[0], empty)
        return line
    assert the_line(result).startswith("sandboxd: ")
    return lines[0]


@pytest.mark.parametrize(
    ("flags", "name", "why"),
    [
        (["--memory", "-1"], "'--memory'", "'-1' is not a size such as 64MiB"),
        (["--memory", "0"], "limits.memory_bytes", "0 is never 'unlimited'"),
        (["--memory", "1"], "limits.memory_bytes", "below the least"),
        (["--memory", "1000000GiB"], "limits.memory_bytes", "ceiling"),
        (["--memory", "99999999999999999999"], "--memory", "out of range"),
        (["--memory", LONG], "'--memory'", "999…' is not a size such as 64MiB"),
        (["--disk", ""], "'--disk'", "'' is not a size"),
        (["--cpu-time", "12parsecs"], "'--cpu-time'", "'12parsecs' is not a duration"),
        (["--cpu-time", "0"], "limits.cpu_time", "0 is never 'unlimited'"),
        (["--cpu-time", "99999999999999999999s"], "--cpu-time", "out of range"),
        (["--wall-time", LONG], "'--wall-time'", "999…' is not a duration such as"),
        (["--cpus", "nan"], "limits.cpus", "nan"),
        (["--cpus", "two"], "'--cpus'", "'two' is not a valid float"),
        (["--cpu-shares", "1"], "limits.cpu_shares", "below the least, 2"),
        (["--processes", "-1"], "--processes", "out of range: -1"),
        (["--env", "NOT_SET_HERE"], "--env", "NOT_SET_HERE has no = and is not set here"),
        (["--env", "=v"], 'env[""]', "must not be empty"),
        (["--env", b"A=\xff"], r"b'\xff'", "is not UTF-8"),
        (["--file", "missing"], "--file", "missing: No such file or directory"),
        (["--file", "."], "--file", "Is a directory"),
        (["--file", "here:../up"], "files[0].path", "must not contain '..'"),
        (["--stdin", "missing"], "--stdin", "missing: No such file or directory"),
        (["--stdin", "."], "--stdin", "Is a directory"),
        (["--collect", "../*"], "collect[0]", "must not contain '..'"),
        (["--collect", "x", "--output-dir", "missing"], "--output-dir", "missing is no directory"),
        (["--collect", "x", "--output-dir", "here"], "--output-dir", "here is no directory"),
        (["--image", "no-such"], "image", "no image is named 'no-such'; there are: "),
        (["--policy", "no-such"], "policy", "no policy is named 'no-such'; there are default"),
        (["--request-id", "r" * 129], "request_id", "128"),
        (["--no-such-flag"], "'--no-such-flag'", "No such option"),
        (["--server", "127.0.0.1:1"], "UNAVAILABLE", "127.0.0.1:1: Failed to connect"),
        (["--server", "unix:/no/such/socket"], "UNAVAILABLE", "/no/such/socket"),
    ],
)
def test_run(sandboxd, tmp_path, flags, name, why):
    (tmp_path / "here").touch()
    result = sandboxd("run", *flags, "--", "true")
    line = error_of(result)

    assert name in line
    assert why in line


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ([], "give a FILE, or -- COMMAND..."),
        (["--"], "command.argv: missing"),
        (["--", ""], "command.argv[0]"),
        (["--", b"\xff"], r"b'\xff' is not UTF-8"),
        (["missing.py"], "missing.py: No such file or directory"),
        (["."], ".: Is a directory"),
        (["notes"], "notes: give its --language"),
        (["notes.txt"], "notes.txt: give its --language"),
        (["--language", "cobol", "notes"], "source.language: no image has a language 'cobol'; there are bash, c,"),
        ([b"\xff.py"], r"b'\xff.py' is not UTF-8"),
    ],
)
def test_words(sandboxd, tmp_path, words, why):
    for name in ("notes", "notes.txt", "one.py", "two.py", b"\xff.py".decode(errors="surrogateescape")):
        (tmp_path / name).touch()
    result = sandboxd("run", *words)

    assert OURS == result.returncode
    assert why in error_of(result)


@pytest.mark.parametrize(
    ("words", "why"),
    [([], "give a FILE, or -- COMMAND..."), (["missing.py"], "missing.py: No such file or directory")],
)
def test_words_to_learn_from(sandboxd, words, why):
    result = sandboxd("policy", "learn", *words)

    assert OURS == result.returncode
    assert why in error_of(result)


def test_json_is_for_answers(sandboxd):
    """Where there is none, nothing comes that could be taken for one."""
    result = sandboxd("run", "--json", "--memory", "1", "--", "true")

    assert OURS == result.returncode
    assert "limits.memory_bytes" in error_of(result)


def test_all_bad_fields_in_one_line(sandboxd):
    line = error_of(sandboxd("run", "--memory", "0", "--cpus", "-1", "--collect", "/x", "--", "true"))

    assert {"limits.memory_bytes", "limits.cpus", "collect[0]"} <= {word.strip(":") for word in line.split()}


@pytest.mark.parametrize("command", ["ps", "stop x", "logs x", "attach x", "policy learn -- true", "run -- true"])
def test_a_server_that_is_not_there(command):
    result = call(*command.split(), server="127.0.0.1:1")

    assert OURS == result.returncode
    assert "UNAVAILABLE: failed to connect to all addresses" in error_of(result)


@pytest.mark.parametrize(
    ("command", "execution"),
    [
        ("stop", "0" * 32),
        ("logs", "nothing"),
        ("attach", ""),
    ],
)
def test_an_execution_that_is_not_there(sandboxd, command, execution):
    line = error_of(sandboxd(command, execution))

    assert f"{execution!r}: no execution that runs or is remembered has an id that begins so" in line


def test_an_unknown_command(sandboxd):
    assert "No such command 'rum'" in error_of(sandboxd("rum"))


@pytest.mark.parametrize(("where", "why"), [(">/dev/full", "No space left on device"), (">&-", "Bad file descriptor")])
@pytest.mark.parametrize(
    "command",
    [
        "run -- echo",
        "run --json -- true",
        "run --help",
        "policy learn --json -- true",
        "ps",
        "doctor",
        "serve --listen 127.0.0.1:0",
    ],
)
def test_an_output_that_cannot_be_written(sandboxd, command, where, why):
    """An answer that is lost is not told by the program's status."""
    result = sandboxd(*command.split(), under=with_streams(where))
    *rest, line = result.stderr.decode().splitlines()

    assert (OURS, f"sandboxd: stdout: {why}") == (result.returncode, line)
    assert [] == [other for other in rest if other != "the policy refused nothing"]
