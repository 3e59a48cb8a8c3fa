"""What can be wrong with a group of cgroup v2 that an ordinary user has been given; tests/rootless has what is right."""

from __future__ import annotations

import subprocess
import sys

import pytest

from sandboxd.attack.program import Rights
from tests.ordinary import ordinary_user
from tests.slowness import SLOWNESS


@pytest.fixture
def user(guard):
    """A user with a group, and with what a server takes for an image before it looks into it."""
    del guard
    with ordinary_user(Rights.ONE_ID) as user:
        image = user.home / "images" / "default"
        (image / "root").mkdir(parents=True)
        for name in ("manifest.toml", "digest"):
            (image / name).touch()
        yield user


def refusal(user, *under):
    """Start a server that must not start; returns what it says."""
    flags = ("--listen", f"unix:{user.home}/socket", "--state-dir", str(user.home))
    serve = [*user.under, *under, sys.executable, "-m", "sandboxd", "serve", *flags]
    done = subprocess.run(serve, capture_output=True, check=False, timeout=60 * SLOWNESS)
    assert (125, b"") == (done.returncode, done.stdout)
    return done.stderr.decode()


def test_other_processes_in_the_group(user):
    """A shell that waits for the server: the group cannot be divided, and the user has no other."""
    assert "other processes are in this group" in refusal(user, "sh", "-c", '"$0" "$@"; exit $?')


def test_a_group_without_a_controller(user):
    """As users' managers of systemd have it, to which cpuset is not delegated."""
    (group,) = user.groups
    (group / "cgroup.subtree_control").write_text("-cpuset")
    refused = refusal(user)

    assert "lacks cpuset" in refused
    assert "delegated" in refused
