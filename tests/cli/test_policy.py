"""``sandboxd policy learn`` names the calls that a program makes and the policy refuses."""

from __future__ import annotations

import json
import re

import pytest

from tests.cli.conftest import call, the_line
from tests.cli.fake import faking

# Numbers of x86-64, the one architecture; arguments that would do nothing were the calls let through.
MOUNT, KEYCTL, KEXEC_LOAD, CLONE3 = 165, 250, 246, 435
CALLS = "import ctypes\nfor number in {}: ctypes.CDLL(None).syscall(number, -1, 0, 0, 0, 0)"


def refused(result):
    """Return the rows: name, count and answer."""
    return [tuple(line.split()) for line in result.stdout.decode().splitlines()]


def test_refused_calls_by_name_and_number(sandboxd):
    code = CALLS.format([MOUNT, KEYCTL, MOUNT])
    result = sandboxd("policy", "learn", "--", "python3", "-c", code)

    assert (0, b"") == (result.returncode, result.stderr)
    rows = {name: (count, answer) for name, count, answer in refused(result)}
    assert ("2", "1") == (rows["mount"][0], rows["keyctl"][0])
    assert all(re.fullmatch(r"E[A-Z]+", answer) for _, answer in rows.values()), rows


def test_a_call_that_kills(sandboxd):
    """It is named, and so is what became of the program."""
    result = sandboxd("policy", "learn", "--", "python3", "-c", CALLS.format([KEXEC_LOAD]))

    assert ("kexec_load", "1", "kill") in refused(result)
    assert the_line(result).startswith("sandboxd: SECURITY_VIOLATION: ")


def test_a_file(sandboxd, tmp_path):
    (tmp_path / "mounts.py").write_text(CALLS.format([MOUNT]))
    result = sandboxd("policy", "learn", "mounts.py")

    assert "mount" in [row[0] for row in refused(result)]


@pytest.mark.parametrize(
    "code",
    [
        "import threading; thread = threading.Thread(target=print); thread.start(); thread.join()",
        "import os; os.waitpid(os.posix_spawn('/bin/true', ['true'], {}), 0)",
    ],
    ids=["thread", "process"],
)
def test_a_call_that_is_better_left_refused_is_shown_with_its_answer(sandboxd, code):
    """A C library tries clone3, is told that there is none, and falls back: the program does what it wants."""
    result = sandboxd("policy", "learn", "--", "python3", "-c", code)

    assert (0, b"", [("clone3", "1", "ENOSYS")]) == (result.returncode, result.stderr, refused(result))


def test_what_init_tries_is_not_the_programs(sandboxd):
    """It starts the program by clone3, too."""
    result = sandboxd("policy", "learn", "--", "true")

    assert (0, b"", "the policy refused nothing") == (result.returncode, result.stdout, the_line(result))


def test_json_is_a_rule_for_a_policy(sandboxd):
    result = sandboxd("policy", "learn", "--json", "--", "python3", "-c", CALLS.format([MOUNT, KEYCTL, MOUNT]))
    rule = json.loads(result.stdout)

    assert "SCMP_ACT_ALLOW" == rule["action"]
    assert {"keyctl", "mount"} <= set(rule["names"])
    assert sorted(set(rule["names"])) == rule["names"]


@pytest.mark.parametrize("flags", [(), ("--json",)])
def test_where_nothing_is_refused(tmp_path, flags):
    """The request has asked for a report, under the policy that was named."""
    with faking(tmp_path) as fake:
        words = ("--policy", "mine", "--image", "an-image", "--", "true")
        result = call("policy", "learn", *flags, *words, server=fake.address)
        (asked,) = fake.asked

    assert (True, "mine", "an-image", ["true"]) == (
        asked.report_refused_syscalls,
        asked.policy,
        asked.image,
        asked.command.argv,
    )
    assert 0 == result.returncode
    assert "the policy refused nothing" == the_line(result)
    assert [] == (json.loads(result.stdout)["names"] if flags else refused(result))
