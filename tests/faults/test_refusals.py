"""What the kernel refuses, at each place where it can: told by its step and cause, and only as long as it does."""

from __future__ import annotations

import errno
import os
import signal
from dataclasses import dataclass

import pytest
from google.protobuf.duration_pb2 import Duration

from sandboxd.attack.target import attacked
from sandboxd.linux import cgroups
from sandboxd.runtime import start, steps
from sandboxd.v1 import execution_service_pb2 as pb
from tests.api.conftest import command, python
from tests.faults.bugs import bugs
from tests.faults.load import failure
from tests.faults.switch import Switch
from tests.mutation import environment
from tests.observe import children, containers_of, wait_for, wait_until_idle
from tests.slowness import SLOWNESS

TRUE = command("true")
SETTLE_S = 10 * SLOWNESS
MEMORY, PROCESSES, CPU, CPUS, QUOTA = {
    1: ("memory.limit_in_bytes", "pids.max", "cpu.shares", "cpuset.cpus", "cpu.cfs_quota_us"),
    2: ("memory.max", "pids.max", "cpu.weight", "cpuset.cpus", "cpu.max"),
}[cgroups.detect_version()]


@dataclass(frozen=True)
class Refusal:
    """A point at which the launcher, or what comes of it, is refused something, and how that is told."""

    point: str
    name: str
    step: str

    def __str__(self) -> str:
        return f"{self.point}: {self.name}"


NOT_EVERYWHERE = {steps.enter_group, steps.restrict_access}
FILES = [pb.File(path="file")]
ONE_CPU = pb.Limits(cpus=1)  # has the set of CPUs written on every version
HALF_A_CPU = pb.Limits(cpus=0.5)
REFUSALS = (
    Refusal(MEMORY, "EIO", "make_cgroup"),
    Refusal(MEMORY, "EBUSY", "make_cgroup"),
    Refusal(PROCESSES, "EIO", "make_cgroup"),
    Refusal(CPU, "EROFS", "make_cgroup"),
    Refusal(CPUS, "EBUSY", "make_cgroup"),
    Refusal("mkdir", "ENOSPC", "make_cgroup"),
    Refusal("mkdir", "EIO", "make_cgroup"),
    Refusal("fsopen", "ENOMEM", "make_workspace"),
    Refusal("clone3", "EAGAIN", "clone: clone3"),
    Refusal("clone3", "ENOMEM", "clone: clone3"),
    Refusal("clone of the program", "EAGAIN", "start_program"),
    Refusal("clone of the program", "ENOMEM", "start_program"),
    *(
        Refusal(step.__name__, "EIO", step.__name__)
        for step in (*steps.STEPS, start.put_files, start.set_limits)
        if step not in NOT_EVERYWHERE
    ),
    *(
        [Refusal("enter_group", "EIO", "enter_group"), Refusal("enter_group", "EBUSY", "enter_group")]
        * (QUOTA != "cpu.max")
    ),
)
KEPT = ("rmdir", "EBUSY"), ("rmdir", "EIO")
LAUNCH = ("posix_spawn of the server", "EAGAIN"), ("posix_spawn of the server", "ENOMEM")
ACCOUNTS = ("read", "EIO")
END = (QUOTA, "EIO")
SWITCH = Switch([*dict.fromkeys([*((r.point, r.name) for r in REFUSALS), *KEPT, *LAUNCH, ACCOUNTS, END])])


@pytest.fixture(scope="module")
def served(guard, request):
    """A server that is a copy, which can be made to fail, with so many spare containers as the test asks for."""
    spare = getattr(request, "param", 0)
    flags = ("--metrics-listen", "127.0.0.1:0", "--pool-min", str(spare), "--pool-max", str(spare))
    with (
        SWITCH.copy() as directory,
        attacked(*flags, env=environment(directory), guard=guard, patience=SLOWNESS) as target,
    ):
        yield target, spare


@pytest.fixture
def target(served):
    """The same when it is idle; what a test leaves of it, or a bug that is logged, fails the test."""
    target, spare = served
    wait_until_idle(target.server.metrics_address, spare)
    wait_for(lambda: len(containers_of(launcher_of(target))) == spare)
    before = target.settled(SETTLE_S)
    yield target
    for _ in range(1 + spare):
        target.latency_s()
    assert [] == target.left(before, SETTLE_S)
    assert [] == bugs(target.server)


def launcher_of(target):
    """Return the launcher that serves now."""
    (launcher,) = children(target.server.pid)
    return launcher


@pytest.mark.parametrize("refusal", REFUSALS, ids=str)
def test_it_is_told_by_its_step(target, refusal):
    launcher = launcher_of(target)
    with SWITCH.on(launcher, (refusal.point, refusal.name)):
        told = [failure(lambda: target.client.execute(command("true", limits=ONE_CPU, files=FILES))) for _ in range(3)]

    cause = os.strerror(getattr(errno, refusal.name))
    assert all(text.startswith(f"container set-up failed at {refusal.step}: {cause}") for text in told), told
    assert launcher == launcher_of(target), "the launcher did not live through it"


def test_a_part_of_a_cpu_that_cannot_be_taken_away(target):
    """The server does that when the program has been started, which then does not go on."""
    with SWITCH.on(target.server.pid, END):
        told = failure(lambda: target.client.execute(command("sleep", "20", limits=HALF_A_CPU)))

    assert f"container set-up failed at limit_cpus: {os.strerror(errno.EIO)}" in told


@pytest.mark.parametrize("point", KEPT, ids=str)
def test_a_group_that_cannot_be_removed_is_removed_later(target, point):
    """Its execution has its answer, others are served, and the launcher tries again."""
    launcher = launcher_of(target)
    before = target.seen()["groups"]
    with SWITCH.on(launcher, point):
        for _ in range(3):
            target.latency_s()
        assert before < target.seen()["groups"]

    assert launcher == launcher_of(target), "the launcher did not live through it"


@pytest.mark.parametrize("point", LAUNCH, ids=str)
def test_a_launcher_that_cannot_be_started(target, point):
    """Each request asks for one until there is one."""
    launcher = launcher_of(target)
    with SWITCH.on(target.server.pid, point):
        os.kill(launcher, signal.SIGKILL)
        wait_for(lambda: not children(target.server.pid))
        told = [failure(lambda: target.client.execute(TRUE)) for _ in range(3)]

    cause = os.strerror(getattr(errno, point[1]))
    assert [f"container set-up failed at launch: the launcher cannot be started: {cause}"] * 3 == told


def test_accounts_that_cannot_be_read(target):
    """Neither at the start of a program nor while it runs, which ends it: without them nobody would see its limits."""
    with SWITCH.on(target.server.pid, ACCOUNTS):
        told = failure(lambda: target.client.execute(TRUE))
    call = target.client.stub.Execute.future(python("import time; time.sleep(60)"))
    wait_for(lambda: [e for e in target.client.list() if e.phase])
    with SWITCH.on(target.server.pid, ACCOUNTS):
        lost = failure(lambda: call.result(20 * SLOWNESS))

    assert "container set-up failed at read_accounts: Input/output error" == told
    assert "its accounts cannot be read: Input/output error" == lost


def test_a_quota_that_cannot_be_lifted(target):
    """Then the whole container is killed at once, and the limit is still what ended it."""
    limits = pb.Limits(wall_time=Duration(seconds=SLOWNESS))
    with SWITCH.on(target.server.pid, END):
        response = target.client.execute(python("import time; time.sleep(60)", limits=limits))

    assert pb.VERDICT_WALL_TIME_LIMIT == response.verdict


@pytest.mark.parametrize("served", [2], indirect=True)
@pytest.mark.parametrize("refusal", [r for r in REFUSALS if r.point in {MEMORY, "clone3"}], ids=str)
def test_spare_containers_serve_on(target, refusal):
    """What fits into one is still served; when the fault is over, there are as many as before."""
    launcher = launcher_of(target)
    with SWITCH.on(launcher, (refusal.point, refusal.name)):
        answers = [target.client.execute(TRUE).verdict for _ in range(2)]
        told = [failure(lambda: target.client.execute(TRUE)) for _ in range(3)]

    assert [pb.VERDICT_OK] * 2 == answers
    assert all(f"failed at {refusal.step}: " in text for text in told), told
    assert launcher == launcher_of(target), "the launcher did not live through it"
