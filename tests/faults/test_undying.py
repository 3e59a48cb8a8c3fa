"""A container that does not die for a while: it keeps its slot, where everybody can see it, and nobody else waits for it."""

from __future__ import annotations

import os
import signal
import time

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration

from sandboxd.attack.target import attacked
from sandboxd.client import SandboxClient
from sandboxd.v1 import execution_service_pb2 as pb
from tests.api.conftest import command, python
from tests.faults.bugs import bugs
from tests.faults.freezer import frozen
from tests.observe import (
    alive,
    children,
    containers_of,
    descendants,
    group_directories,
    sample,
    scrape,
    wait_for,
    wait_until_idle,
)
from tests.server import serving
from tests.slowness import SLOWNESS

TRUE = command("true")
# Cold: else the launcher has a template, too.
SLEEP = python(
    "import os, time; os.fork(); time.sleep(60)", limits=pb.Limits(wall_time=Duration(seconds=120)), warm=False
)
WALL_TIME_S = SLOWNESS
SHORT = python("import time; time.sleep(60)", limits=pb.Limits(wall_time=Duration(seconds=WALL_TIME_S)), warm=False)
ANSWER_S = 20 * SLOWNESS
SETTLE_S = 10 * SLOWNESS
POOLLESS = ("--pool-max", "0")


def started(client, server, request):
    """Start an execution; returns its call and the processes of its container once its program runs."""
    (launcher,) = children(server.pid)
    before, running = set(containers_of(launcher)), len(running_of(client))
    call = client.stub.Execute.future(request)
    wait_for(lambda: len(running_of(client)) > running)
    (init,) = set(containers_of(launcher)) - before
    return call, [init, *descendants(init)]


def running_of(client):
    """List the executions whose program has started."""
    return [execution for execution in client.list() if execution.phase]


@pytest.mark.parametrize("end", ["cancelled", "out of time"])
def test_it_keeps_its_slot_and_the_others_are_served(guard, end):
    flags = (*POOLLESS, "--slots", "2", "--metrics-listen", "127.0.0.1:0")
    with attacked(*flags, guard=guard, patience=SLOWNESS) as target:
        server, client = target.server, target.client
        wait_for(lambda: not containers_of(children(server.pid)[0]))
        before = target.settled(SETTLE_S)
        call, processes = started(client, server, SLEEP if end == "cancelled" else SHORT)
        with frozen(processes) as held:
            if end == "cancelled":
                call.cancel()
            else:
                age = Duration(seconds=WALL_TIME_S).ToNanoseconds()
                wait_for(lambda: client.list()[0].age.ToNanoseconds() > age, 2 * WALL_TIME_S)
            for _ in range(3):
                target.latency_s()
            second, _ = started(client, server, SLEEP)
            third = client.stub.Execute.future(TRUE)

            def one_waits_for_two():
                metrics = scrape(server.metrics_address)
                live = sample(metrics, "sandboxd_containers", state="live")
                return (1, 2) == (sample(metrics, "sandboxd_queue_depth"), live)

            wait_for(one_waits_for_two)
            assert 3 == len(client.list())
            assert [] == [pid for pid in processes if not alive(pid)]
            second.cancel()
            assert pb.VERDICT_OK == third.result(ANSWER_S).verdict, "the second slot is there for the others"
            held.thaw()
            if end == "cancelled":
                assert grpc.StatusCode.CANCELLED is call.code()
            else:
                assert pb.VERDICT_WALL_TIME_LIMIT == call.result(ANSWER_S).verdict
            wait_for(lambda: not client.list())
        assert [] == target.left(before, SETTLE_S)
        target.latency_s()
        assert [] == bugs(server)


def has_let_go(pid):
    """Whether a process has been killed, which has not ended before all of its pid namespace has."""
    try:
        return not os.listdir(f"/proc/{pid}/fd")
    except (FileNotFoundError, ProcessLookupError):
        return True


@pytest.mark.usefixtures("leaves_nothing")
def test_the_end_of_the_server_is_the_end_of_all_others():
    """They do not wait for the one that does not die, nor does the next server; and the groups go in the end."""
    with serving(*POOLLESS) as server, SandboxClient(server.address) as client:
        (launcher,) = children(server.pid)
        wait_for(lambda: not containers_of(launcher))
        containers = [started(client, server, SLEEP) for _ in range(3)]
        undying, others = containers[0][1], [pid for _, processes in containers[1:] for pid in processes]
        with frozen(undying) as held:
            server.kill()
            wait_for(lambda: not any(map(alive, others)))
            with serving(*POOLLESS) as next_server, SandboxClient(next_server.address) as next_client:
                assert pb.VERDICT_OK == next_client.execute(TRUE).verdict
                assert all(map(alive, undying))
                held.thaw()
                wait_for(lambda: not any(map(alive, undying)))
                wait_for(lambda: not group_directories(launcher))
        assert [] == bugs(server)


@pytest.mark.usefixtures("leaves_nothing")
def test_a_new_launcher_does_not_wait_for_it():
    """Nor is its end told as the program's: it was the launcher's, however much time has passed until it is seen."""
    with serving(*POOLLESS) as server, SandboxClient(server.address) as client:
        (launcher,) = children(server.pid)
        wait_for(lambda: not containers_of(launcher))
        call, processes = started(client, server, SHORT)
        with frozen(processes) as held:
            os.kill(launcher, signal.SIGKILL)
            wait_for(lambda: has_let_go(launcher))
            begun = time.monotonic()
            assert pb.VERDICT_OK == client.execute(TRUE, timeout=ANSWER_S).verdict
            assert time.monotonic() - begun < 10 * SLOWNESS
            assert pb.VERDICT_OK == client.execute(TRUE, timeout=ANSWER_S).verdict
            assert 1 == len(client.list())
            age = Duration(seconds=WALL_TIME_S).ToNanoseconds()
            wait_for(lambda: client.list()[0].age.ToNanoseconds() > age, 2 * WALL_TIME_S)
            held.thaw()
            response = call.result(ANSWER_S)
        assert (pb.VERDICT_INTERNAL_ERROR, pb.FAULT_DOMAIN_PLATFORM) == (response.verdict, response.fault_domain)
        assert "the launcher ended" in response.run.detail
        wait_for(lambda: not client.list())
        assert [] == bugs(server)
    with serving(*POOLLESS):
        assert [] == group_directories(launcher), "the next start sweeps"


@pytest.mark.usefixtures("leaves_nothing")
def test_a_drain_ends_all_others():
    """Each has its answer though one of them does not die; the server ends when that one has."""
    with serving(*POOLLESS, "--drain-s", "0") as server, SandboxClient(server.address) as client:
        (launcher,) = children(server.pid)
        wait_for(lambda: not containers_of(launcher))
        containers = [started(client, server, SLEEP) for _ in range(3)]
        with frozen(containers[0][1]) as held:
            server.process.send_signal(signal.SIGTERM)
            answers = [call.result(ANSWER_S).verdict for call, _ in containers[1:]]
            assert not containers[0][0].done()
            held.thaw()
            answers.append(containers[0][0].result(ANSWER_S).verdict)
        assert 0 == server.process.wait(ANSWER_S)

        assert [pb.VERDICT_CANCELLED] * 3 == answers
        assert [] == bugs(server)


@pytest.mark.usefixtures("leaves_nothing")
def test_a_spare_container_of_a_launcher_that_has_ended_is_not_given_away():
    """Though it is not dead yet: it is as good as."""
    with (
        serving("--pool-max", "1", "--metrics-listen", "127.0.0.1:0") as server,
        SandboxClient(server.address) as client,
    ):
        client.execute(TRUE)
        wait_until_idle(server.metrics_address, 1)
        (launcher,) = children(server.pid)
        (spare,) = wait_for(lambda: len(pids := containers_of(launcher)) == 1 and pids)
        with frozen([spare]) as held:
            os.kill(launcher, signal.SIGKILL)
            wait_for(lambda: has_let_go(launcher))
            assert pb.VERDICT_OK == client.execute(TRUE, timeout=ANSWER_S).verdict
            held.thaw()
        assert [] == bugs(server)
    with serving(*POOLLESS):
        assert [] == group_directories(launcher), "the next start sweeps"
