"""Policies of an operator's own: around the profile of another engine, Podman's, unmodified; and as the docs have one."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import pytest

from sandboxd.client import SandboxClient
from sandboxd.runtime.policy import default_directory
from sandboxd.v1 import execution_service_pb2 as pb
from tests.api.conftest import python
from tests.server import serving

REPOSITORY = Path(__file__).resolve().parents[2]
PROFILE = Path(sys.prefix, "podman/usr/share/containers/seccomp.json")  # make setup-tests unpacks it
SWAPOFF = b"""
import ctypes, errno
print(ctypes.CDLL(None, use_errno=True).swapoff(None), errno.errorcode[ctypes.get_errno()])
"""
PROGRAMS = {
    "python": ("import subprocess; subprocess.run(['echo', 'hello'])", b"hello\n"),
    "c": ('#include <stdio.h>\nint main() { puts("hello"); }', b"hello\n"),
}


@pytest.fixture
def podman(tmp_path):
    """A server with such a policy beside the shipped one."""
    assert PROFILE.exists(), "missing: make setup-tests"
    policies = shutil.copytree(default_directory(), tmp_path / "policies")
    shutil.copy(PROFILE, policies / "podman.json")
    default = (policies / "default.toml").read_text()
    (policies / "podman.toml").write_text(default.replace('"default.json"', '"podman.json"'))
    with serving(env={"SANDBOXD_POLICIES_DIR": str(policies)}) as server, SandboxClient(server.address) as client:
        yield client


@pytest.mark.parametrize("language", PROGRAMS)
def test_programs_run_under_it(podman, language):
    code, expected = PROGRAMS[language]
    response = podman.execute(
        pb.ExecuteRequest(source=pb.Source(language=language, code=code.encode()), policy="podman")
    )

    assert (pb.VERDICT_OK, expected) == (response.verdict, response.run.stdout.data), response


def test_it_refuses_as_it_says(podman):
    """Where the shipped one ends the program."""
    request = pb.ExecuteRequest(source=pb.Source(language="python", code=SWAPOFF))
    shipped = podman.execute(request)
    request.policy = "podman"
    theirs = podman.execute(request)

    assert (pb.VERDICT_SECURITY_VIOLATION, "swapoff") == (shipped.verdict, shipped.run.blocked_syscall)
    assert (pb.VERDICT_OK, b"-1 EPERM\n") == (theirs.verdict, theirs.run.stdout.data)


def test_the_documented_policy_without_locks(tmp_path):
    """The rule is read from docs/policies.md: no fcntl lock can be set, and programs, pipes and flock go on as before."""
    section = (REPOSITORY / "docs/policies.md").read_text().partition("### Locks")[2]
    profile = json.loads((default_directory() / "default.json").read_text())
    profile["syscalls"][0]["names"].remove("fcntl")
    profile["syscalls"].append(json.loads(section.partition("```json\n")[2].partition("```")[0]))
    (tmp_path / "default.json").write_text(json.dumps(profile))
    (tmp_path / "default.toml").write_text((default_directory() / "default.toml").read_text())
    code = """
import fcntl, subprocess
file = open("/tmp/file", "w")
try:
    fcntl.lockf(file, fcntl.LOCK_EX)
except PermissionError:
    print("no lock")
fcntl.flock(file, fcntl.LOCK_EX)
print(subprocess.run(["echo", "started"], capture_output=True, text=True).stdout)
"""
    with serving("--policies-dir", str(tmp_path)) as server, SandboxClient(server.address) as client:
        response = client.execute(python(code))

    assert b"no lock\nstarted\n\n" == response.run.stdout.data, response.run.stderr.data
