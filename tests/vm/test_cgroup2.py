"""What only a machine with cgroup v2 alone can show: that it is one, and where a server puts the groups of containers."""

from __future__ import annotations

import base64
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from sandboxd.attack.guard import PARENT_VARIABLE, enable_controllers
from sandboxd.client import SandboxClient
from sandboxd.v1 import execution_service_pb2 as pb
from tests.api.conftest import command
from tests.observe import children, group_directories, wait_for
from tests.server import serving

ROOT = Path("/sys/fs/cgroup")
SANDBOXD = (sys.executable, "-m", "sandboxd")
# What a container engine shows: a cgroup namespace, mounted anew, whose root is the engine's group.
IN_A_NAMESPACE = ("unshare", "--cgroup", "--mount", "sh", "-c")
REMOUNT = 'umount /sys/fs/cgroup && mount -t cgroup2 cgroup2 /sys/fs/cgroup && exec "$0" "$@"'


def own_group(pid):
    """Return the group of a process."""
    return Path(f"/proc/{pid}/cgroup").read_text().strip().removeprefix("0::")


def started_in(group, *under):
    """Return what goes before a command to have it started in a group."""
    return ("sh", "-c", f'echo 0 > {ROOT}{group}/cgroup.procs && exec "$0" "$@"', *under)


@pytest.fixture(autouse=True)
def no_parent_is_named(monkeypatch):
    """The server finds the place for itself; the guard's is for the other tests."""
    monkeypatch.delenv(PARENT_VARIABLE, raising=False)


@pytest.fixture
def delegated(request):
    """A group such as systemd gives to a unit with Delegate=yes: with all controllers, and empty."""
    enable_controllers(ROOT)
    group = ROOT / request.node.name
    group.mkdir()
    yield f"/{group.name}"
    assert [] == list(group.glob("sandboxd.*"))
    for left in (*group.glob("sandboxd-supervisor"), group):
        left.rmdir()


def test_there_is_no_v1_here():
    mounts = [line.partition(" - ")[2].split()[0] for line in Path("/proc/self/mountinfo").read_text().splitlines()]

    assert ["cgroup2"] == [fstype for fstype in mounts if fstype.startswith("cgroup")]
    assert {"cpu", "cpuset", "memory", "pids"} <= set((ROOT / "cgroup.controllers").read_text().split())


def test_a_repository_in_a_deep_directory_has_room_in_the_kernels_command_line():
    """Of 2,047 characters it panics for one more, so tests are named elsewhere: run.py."""
    line, path = Path("/proc/cmdline").read_text().strip(), str(Path(__file__).parents[2])
    script = base64.b64decode(line.split("`")[1]).decode()
    paths = line.count(path) + script.count(path) * 4 / 3

    assert 1 < paths
    assert len(line) + paths * (300 - len(path)) < 2048, line


def test_doctor_finds_nothing_wrong():
    report = subprocess.run([*SANDBOXD, "doctor"], stdout=subprocess.PIPE, check=True).stdout.decode()

    assert {"ok"} == {line.split()[0] for line in report.splitlines()}, report
    assert "v2 at /sys/fs/cgroup" in report


def test_command_line(tmp_path):
    """As in the README: a server, and a program that it is given."""
    (tmp_path / "hello.py").write_text("print('hello')")
    with serving() as server:
        run = [*SANDBOXD, "run", "--server", server.address, str(tmp_path / "hello.py")]

        assert b"hello\n" == subprocess.run(run, stdout=subprocess.PIPE, check=True).stdout


def test_started_in_the_root_group():
    """Which alone may have processes beside groups with controllers."""
    with serving(under=started_in("/")) as server, SandboxClient(server.address) as client:
        (launcher,) = children(server.pid)

        assert pb.VERDICT_OK == client.execute(command("true")).verdict
        assert {"/"} == {own_group(server.pid), own_group(launcher)}
        assert [ROOT] == [place.parent for place in group_directories(launcher)]


def test_started_in_a_delegated_group(delegated):
    """The server and its launcher make room: they move to a leaf, and the containers go beside it."""
    with serving(under=started_in(delegated)) as server, SandboxClient(server.address) as client:
        (launcher,) = children(server.pid)

        assert pb.VERDICT_OK == client.execute(command("true")).verdict
        assert {f"{delegated}/sandboxd-supervisor"} == {own_group(server.pid), own_group(launcher)}
        assert [ROOT / delegated[1:]] == [place.parent for place in group_directories(launcher)]


def test_next_launcher_takes_the_place_of_the_first(delegated):
    """It is born in the leaf, and does not make another below it. What the first has left is swept."""
    with serving("--pool-max", "0", under=started_in(delegated)) as server, SandboxClient(server.address) as client:
        client.execute(command("true"))
        (first,) = children(server.pid)
        os.kill(first, signal.SIGKILL)
        wait_for(lambda: children(server.pid) != [first])

        assert pb.VERDICT_OK == client.execute(command("true")).verdict
        (second,) = children(server.pid)
        assert [] == group_directories(first)
        assert [ROOT / delegated[1:]] == [place.parent for place in group_directories(second)]


def test_others_in_the_group(delegated):
    """A shell, for one: it is not moved, and the containers go to the root."""
    with subprocess.Popen([*started_in(delegated), "sleep", "600"]) as other:
        wait_for(lambda: own_group(other.pid) == delegated)
        with serving(under=started_in(delegated)) as server, SandboxClient(server.address) as client:
            (launcher,) = children(server.pid)

            assert pb.VERDICT_OK == client.execute(command("true")).verdict
            assert {delegated} == {own_group(pid) for pid in (other.pid, server.pid, launcher)}
            assert [ROOT] == [place.parent for place in group_directories(launcher)]
        other.kill()


def test_started_by_a_container_engine(delegated):
    """The group is the root of all that the server can see, and yet it may not keep its processes."""
    engine = started_in(delegated, *IN_A_NAMESPACE, REMOUNT)
    with serving(under=engine) as server, SandboxClient(server.address) as client:
        (launcher,) = children(server.pid)

        assert pb.VERDICT_OK == client.execute(command("true")).verdict
        assert {f"{delegated}/sandboxd-supervisor"} == {own_group(server.pid), own_group(launcher)}
        assert [ROOT / delegated[1:]] == [place.parent for place in group_directories(launcher)]
