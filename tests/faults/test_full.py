"""What has no room left, or cannot be written any more: the disk of the state directory and of the log, workspaces, cgroupfs."""

from __future__ import annotations

import contextlib
import json
import subprocess

import pytest
from google.protobuf.duration_pb2 import Duration

from sandboxd.attack.target import attacked
from sandboxd.client import SandboxClient
from sandboxd.linux import cgroups
from sandboxd.v1 import execution_service_pb2 as pb
from tests.api.conftest import command, python
from tests.container.conftest import STORE
from tests.faults.bugs import bugs
from tests.faults.load import JOBS, OK, Load, execute, failure, stream
from tests.observe import wait_for, wait_until_idle
from tests.server import serving
from tests.slowness import SLOWNESS

TRUE = command("true")
SETTLE_S = 10 * SLOWNESS
MIB = 1 << 20
HIERARCHIES = sorted(
    {cgroups.mount_points()[name] for name in ("memory", "pids", "cpuset")}
    if cgroups.detect_version() == 1
    else {cgroups.mount_points()[""]}
)


@contextlib.contextmanager
def mounted(*arguments):
    """Mount something while the block runs; the last argument says where."""
    subprocess.run(["mount", *arguments], check=True)
    try:
        yield
    finally:  # lazily: a server that a failure has killed has its launcher a moment longer, which is not what failed
        subprocess.run(["umount", "--lazy", arguments[-1]], check=True)


def fill(file):
    """Write to a file until there is no room left."""

    def write():
        while True:
            file.write(bytes(4096))

    with pytest.raises(OSError, match="No space left"):
        write()


@pytest.mark.usefixtures("leaves_nothing")
def test_state_directory_without_room(tmp_path):
    """Images are read there, and nothing is written: with its log and its temporary directory there too, all is served."""
    state = tmp_path / "state"
    state.mkdir()
    with mounted("-t", "tmpfs", "-o", "size=1m", "none", str(state)):
        (state / "images").mkdir()
        with mounted("--bind", str(STORE), str(state / "images")), (state / "filler").open("wb", buffering=0) as filler:
            fill(filler)
            under = ("sh", "-c", f'exec "$0" "$@" 2>> {state}/log')
            env = {"TMPDIR": str(state), "PYTHONUNBUFFERED": ""}  # which would hide what a buffer keeps
            with serving("--state-dir", str(state), under=under, env=env) as server:
                with SandboxClient(server.address) as client:
                    assert {OK} == {run(client, job) for run in (execute, stream) for job in JOBS}
                    wait_for(lambda: not client.list())  # and no line of theirs is to come
                    assert "" == (state / "log").read_text()
                    filler.truncate(0)
                    answer = client.execute(TRUE)
                    wait_for(lambda: not client.list())  # its line comes after its answer
                lines = (state / "log").read_text().splitlines()
                assert [answer.execution_id] == [json.loads(line)["execution_id"] for line in lines]


FILLERS = {
    "bytes": "head -c 1G /dev/zero > /tmp/a || head -c 1G /dev/zero > b",
    "inodes": "i=0; while : > $i; do i=$((i+1)); done; exit 1",
    "shared memory": "head -c 1G /dev/zero > /dev/shm/a",
}


def test_workspaces_without_room(guard):
    """Each is told that its own is full, files come back from it, and nobody else feels it."""
    with attacked("--templates", "0", "--metrics-listen", "127.0.0.1:0", guard=guard, patience=SLOWNESS) as target:
        wait_until_idle(target.server.metrics_address)
        before = target.settled(SETTLE_S)
        limits = pb.Limits(disk_bytes=4 * MIB, memory_bytes=128 * MIB, cpu_time=Duration(seconds=30 * SLOWNESS))
        limits.wall_time.CopyFrom(Duration(seconds=60 * SLOWNESS))
        with Load(target.client, "full") as load:
            calls = [
                target.client.stub.Execute.future(
                    command("sh", "-c", f"echo kept > kept; {filler}", collect=["kept"], limits=limits)
                )
                for filler in FILLERS.values()
            ]
            answers = [call.result(60 * SLOWNESS) for call in calls]
        assert {OK} == set(load.outcomes)
        assert [pb.VERDICT_DISK_LIMIT] * len(FILLERS) == [answer.verdict for answer in answers]
        assert [b"kept\n"] * len(FILLERS) == [file.content for answer in answers for file in answer.files]
        target.latency_s()
        assert [] == target.left(before, SETTLE_S)
        assert [] == bugs(target.server)


@pytest.mark.parametrize("hierarchy", HIERARCHIES)
def test_control_groups_that_become_read_only(guard, hierarchy):
    """What runs meets its limits, what comes is told why it cannot run, and once they can be written all goes on."""
    bind = f'mount --make-rprivate / && mount --bind {hierarchy} {hierarchy} && exec "$0" "$@"'
    under = ("unshare", "--mount", "sh", "-c", bind)
    flags = ("--pool-max", "0", "--templates", "0", "--metrics-listen", "127.0.0.1:0")
    with attacked(*flags, under=under, guard=guard, patience=SLOWNESS) as target:
        wait_until_idle(target.server.metrics_address, 0)
        before = target.settled(SETTLE_S)
        limits = pb.Limits(wall_time=Duration(seconds=SLOWNESS))
        running = target.client.stub.Execute.future(python("import time; time.sleep(60)", limits=limits))
        wait_for(lambda: [e for e in target.client.list() if e.phase])
        remount(target.server.pid, hierarchy, "ro")
        try:
            told = [failure(lambda: target.client.execute(TRUE)) for _ in range(2)]
            met = running.result(20 * SLOWNESS).verdict
            told.append(failure(lambda: target.client.execute(TRUE)))
        finally:
            remount(target.server.pid, hierarchy, "rw")
        assert ["container set-up failed at make_cgroup: Read-only file system"] * 3 == [t[:61] for t in told]
        assert pb.VERDICT_WALL_TIME_LIMIT == met
        target.latency_s()
        assert [] == target.left(before, SETTLE_S)
        assert [] == bugs(target.server)


def remount(pid, place, how):
    """Change a mount of a server's own."""
    subprocess.run(["nsenter", "--mount", f"--target={pid}", "mount", "-o", f"remount,bind,{how}", place], check=True)
