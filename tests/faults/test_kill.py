"""kill -9 of server, launcher and init at any moment: nothing lives on, and the next start sweeps what is left."""

from __future__ import annotations

import os
import random
import shutil
import signal
import time
from pathlib import Path

import grpc
import pytest

from sandboxd.client import SandboxClient
from sandboxd.v1 import execution_service_pb2 as pb
from tests.api.conftest import command, python
from tests.faults.bugs import bugs
from tests.observe import alive, children, descendants, group_directories, open_files, wait_for, wait_until_idle
from tests.server import serving
from tests.slowness import SLOWNESS

ROUNDS = 8 if SLOWNESS == 1 else 2  # each starts two servers


@pytest.mark.parametrize("round_", range(ROUNDS))
@pytest.mark.parametrize("victim", ["server", "launcher"])
def test_nothing_outlives_the_server_or_the_launcher(victim, round_):
    """Under load, at a random moment; the next server's start sweeps the groups."""
    chance = random.Random(round_)
    with serving("--metrics-listen", "127.0.0.1:0") as server, SandboxClient(server.address) as client:
        client.execute(command("true"))  # what is opened once is open
        wait_until_idle(server.metrics_address)
        idle = open_files(server.pid)
        calls = [client.stub.Execute.future(python("import os, time; os.fork(); time.sleep(30)")) for _ in range(6)]
        wait_for(lambda: len(client.list()) == len(calls))
        time.sleep(chance.uniform(0, 0.15))  # the moment is the point, at random but the same in each run
        (launcher,) = children(server.pid)
        everything = descendants(server.pid)
        if victim == "server":
            server.kill()
        else:
            os.kill(launcher, signal.SIGKILL)
        wait_for(lambda: not any(alive(pid) for pid in everything))
        if victim == "launcher":
            answers = [outcome(call) for call in calls]
            assert {"INTERNAL"} >= set(answers), "a fault of ours was told as the program's"
            assert pb.VERDICT_OK == client.execute(command("true"), timeout=20 * SLOWNESS).verdict
            wait_until_idle(server.metrics_address)
            wait_for(lambda: open_files(server.pid) <= idle)  # the scrape's own connection ends a moment later
    leftovers = group_directories(launcher)
    with serving():
        assert [] == [path for path in leftovers if path.exists()]


def outcome(call):
    """Return how a call ended; INTERNAL for both forms of our own failure."""
    try:
        response = call.result(20 * SLOWNESS)
    except grpc.RpcError as error:
        return "INTERNAL" if error.code() is grpc.StatusCode.INTERNAL else f"{error.code().name}: {error.details()}"
    return "INTERNAL" if response.verdict == pb.VERDICT_INTERNAL_ERROR else pb.Verdict.Name(response.verdict)


def test_priority_is_the_servers_alone():
    """It comes before programs. A launcher that replaces another is started by it, and has none of it."""
    nice = python("import os; print(os.nice(0))")
    with serving("--pool-size", "0") as server, SandboxClient(server.address) as client:
        first = client.execute(nice)
        (launcher,) = children(server.pid)
        os.kill(launcher, signal.SIGKILL)
        wait_for(lambda: children(server.pid) != [launcher])
        second = client.execute(nice)

        assert -10 == os.getpriority(os.PRIO_PROCESS, server.pid)
    assert b"0\n" == first.run.stdout.data == second.run.stdout.data


@pytest.mark.usefixtures("leaves_nothing")
def test_a_server_that_is_killed_before_it_has_read_its_answers():
    """The launcher then ends in order: no next server is needed for its groups to go."""
    with serving("--pool-size", "0") as server, SandboxClient(server.address) as client:
        (launcher,) = children(server.pid)
        wait_for(lambda: not children(launcher))
        os.kill(launcher, signal.SIGSTOP)
        call = client.stub.Execute.future(command("true"))
        wait_for(client.list)
        os.kill(server.pid, signal.SIGSTOP)
        os.kill(launcher, signal.SIGCONT)
        wait_for(lambda: children(launcher))
        wait_for(lambda: state_of(launcher) == "S")  # it has answered, and waits for the next message
        server.kill()
        wait_for(lambda: not group_directories(launcher))
        call.cancel()

        assert [] == bugs(server)


def state_of(pid):
    """Return what a process does, by the letter of /proc."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


def test_killing_an_init_is_never_the_programs_failure():
    with serving("--pool-size", "0") as server, SandboxClient(server.address) as client:
        call = client.stub.Execute.future(python("import time; time.sleep(30)"))
        wait_for(lambda: [e for e in client.list() if e.phase == pb.PHASE_RUN])
        (launcher,) = children(server.pid)
        (init,) = children(launcher)
        os.kill(init, signal.SIGKILL)
        response = call.result(10 * SLOWNESS)

        assert (pb.VERDICT_INTERNAL_ERROR, pb.FAULT_DOMAIN_PLATFORM) == (response.verdict, response.fault_domain)
        assert response.run.usage.HasField("cpu_time")
        assert pb.VERDICT_OK == client.execute(command("true")).verdict


def test_set_up_that_fails_names_its_step(tmp_path):
    """An image that cannot be mounted: INTERNAL with the step and errno, and the server goes on."""
    store = tmp_path / "images"
    store.mkdir()
    source = Path("/var/lib/sandboxd/images/default").resolve()
    for name in ("default", "broken"):
        (store / name).mkdir()
        for file in ("manifest.toml", "digest"):
            shutil.copy(source / file, store / name / file)
    shutil.copy(source / "root.erofs", store / "default" / "root.erofs")
    (store / "broken" / "root.erofs").write_bytes(bytes(8192))
    with serving("--state-dir", str(tmp_path)) as server, SandboxClient(server.address) as client:
        with pytest.raises(grpc.RpcError) as error:
            client.execute(command("true", image="broken"))

        assert grpc.StatusCode.INTERNAL is error.value.code()
        assert "container set-up failed at mount_image" in error.value.details()
        assert pb.VERDICT_OK == client.execute(command("true")).verdict
