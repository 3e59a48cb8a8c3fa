"""``sandboxd image commit`` and ``diff``, and ``run --commit``."""

from __future__ import annotations

import contextlib
import json
import re
import shutil

import pytest

from sandboxd.client import SandboxClient
from sandboxd.runtime.policy import default_directory
from tests.api.conftest import ServerThread
from tests.cli.conftest import call, started, the_line
from tests.image_store import put


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """Address of a server with the default image, and the policy ``keep``, which permits commits."""
    directory = tmp_path_factory.mktemp("commit")
    policies = shutil.copytree(default_directory(), directory / "policies")
    text = (policies / "default.toml").read_text()
    (policies / "keep.toml").write_text(text.replace("commit = false", "commit = true"))
    (directory / "images").mkdir()
    put(directory / "images", "default")
    server = ServerThread(listen=f"unix:{directory}/socket", state_dir=directory, policies_dir=policies)
    yield server.app.address
    server.close()


@contextlib.contextmanager
def running(address, script, policy="keep"):
    """Run a script that goes on when it has said ``ready``; gives its execution's id."""
    arguments = ("run", "--policy", policy, "--", "sh", "-c", f"{script}; echo ready; sleep 60")
    with started(*arguments, server=address) as process, SandboxClient(address) as client:
        assert b"ready\n" == process.stdout.readline()
        (execution,) = client.list()
        yield execution.execution_id
        client.cancel(execution.execution_id)


def test_commit_and_history(address):
    with running(address, "echo one > file; mkfifo pipe") as execution_id:
        result = call(
            "image", "commit", execution_id[:8], "mine", "-m", "a \x1b[31m message", "-a", "me", server=address
        )
    ran = call("run", "--image", "mine", "--", "cat", "file", server=address)
    head, *rows = call("image", "history", "mine", server=address).stdout.decode().splitlines()

    assert (0, b"mine\n") == (result.returncode, result.stdout)
    assert "1 FIFOs, sockets and devices are left out" == the_line(result)
    assert (0, b"one\n") == (ran.returncode, ran.stdout)
    assert ["CREATED", "CREATED BY", "COMMENT"] == re.split(r" {2,}", head)
    (row,) = rows
    created, by, comment = re.split(r" {2,}", row)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", created)
    assert (f"commit of {execution_id} in default by policy keep", r"a \x1b[31m message (me)") == (by, comment)


def test_inspect_tells_where_it_came_from(address):
    with running(address, "echo one > file") as execution_id:
        call("image", "commit", execution_id, "mine", server=address)

    (commit,) = json.loads(call("image", "inspect", "mine", server=address).stdout)["commits"]

    assert (execution_id, "default", "keep") == (commit["executionId"], commit["image"], commit["policy"])


def test_diff(address):
    with running(address, "mkdir dir; echo one > 'dir/a\x1bb'; ln -s x link; mkfifo pipe") as execution_id:
        result = call("image", "diff", execution_id[:8], server=address)
        as_json = json.loads(call("image", "diff", "--json", execution_id, server=address).stdout)["changes"]

    assert (0, b"") == (result.returncode, result.stderr)
    assert [re.split(r" {2,}", line) for line in result.stdout.decode().splitlines()] == [
        ["CHANGE", "TYPE", "SIZE", "PATH"],
        ["added", "directory", "-", "dir"],
        ["added", "regular", "4", r"dir/a\x1bb"],
        ["added", "symlink", "-", "link"],
        ["added", "other", "-", "pipe"],
    ]
    assert {"kind": "CHANGE_KIND_ADDED", "path": "dir/a\x1bb", "type": "FILE_TYPE_REGULAR", "sizeBytes": "4"} in as_json


def test_diff_of_nothing(address):
    with running(address, "true") as execution_id:
        assert b"CHANGE  TYPE  SIZE  PATH\n" == call("image", "diff", execution_id, server=address).stdout


def test_what_is_not_permitted_says_so(address):
    with running(address, "true", policy="default") as execution_id:
        result = call("image", "commit", execution_id, "mine", server=address)

    assert (125, b"") == (result.returncode, result.stdout)
    assert "sandboxd: PERMISSION_DENIED: policy 'default' does not permit it (commit)" == the_line(result)


@pytest.mark.parametrize("arguments", [("commit", "0123", "mine"), ("diff", "0123")])
def test_an_execution_that_nobody_knows(address, arguments):
    result = call("image", *arguments, server=address)

    assert 125 == result.returncode
    assert "no execution that runs or is remembered has an id that begins so" in the_line(result)


def test_run_and_commit(address):
    result = call(
        "run", "--policy", "keep", "--commit", "ran:1", "--", "sh", "-c", "echo one > file; echo said", server=address
    )
    ran = call("run", "--image", "ran:1", "--", "cat", "file", server=address)

    assert (0, b"said\n", b"") == (result.returncode, result.stdout, result.stderr)
    assert (0, b"one\n") == (ran.returncode, ran.stdout)


def test_run_and_commit_as_json(address):
    result = call("run", "--policy", "keep", "--commit", "ran:2", "--json", "--", "mkfifo", "pipe", server=address)

    committed = json.loads(result.stdout)["committed"]
    image = json.loads(call("image", "inspect", "ran:2", server=address).stdout)
    assert (image["digest"], {"special_files": "1"}) == (committed["imageDigest"], committed["leftOut"])


def test_run_that_cannot_be_committed(address):
    result = call(
        "run", "--policy", "keep", "--commit", "ran:3", "--", "sh", "-c", "echo said; touch $(printf %0255d 0)", server=address
    )  # fmt: skip

    assert (125, b"said\n") == (result.returncode, result.stdout)
    assert the_line(result).startswith("sandboxd: not committed: the workspace has a name longer than 254 bytes")


def test_run_that_ends_badly_is_not_committed(address):
    result = call("run", "--policy", "keep", "--commit", "ran:4", "--", "false", server=address)

    assert 1 == result.returncode
    assert b"ran:4" not in call("image", "ls", "-q", server=address).stdout


def test_run_that_may_not_be_committed_does_not_run(address):
    result = call("run", "--commit", "ran:5", "--", "echo", "ran", server=address)

    assert (125, b"") == (result.returncode, result.stdout)
    assert "PERMISSION_DENIED: policy 'default' does not permit it (commit)" in the_line(result)
