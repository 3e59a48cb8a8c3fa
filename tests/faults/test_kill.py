"""kill -9 of server, launcher, zygote, init and spare containers under load, at any moment: nothing lives on, and no answer is wrong.

TEST_ROUNDS and TEST_SEED: docs/reliability.md.
"""

from __future__ import annotations

import os
import shutil
import signal
import time
from collections import Counter
from pathlib import Path

import grpc
import pytest

from sandboxd.attack.target import attacked
from sandboxd.client import SandboxClient
from sandboxd.v1 import execution_service_pb2 as pb
from tests.api.conftest import command, python
from tests.faults.bugs import bugs
from tests.faults.chance import ROUNDS, SEED, chance_of
from tests.faults.load import FAULT, GONE, OK, Load
from tests.observe import children, containers_of, group_directories, wait_for, wait_until_idle
from tests.server import serving
from tests.slowness import SLOWNESS

VICTIMS = ("server", "launcher", "zygote", "init", "spare")
EACH = max(1, ROUNDS // len(VICTIMS))
LONGEST_WAIT_S = 0.5 * SLOWNESS
SETTLE_S = 10 * SLOWNESS


def begin(victim, number):
    """Return the chance of a round, and say how to come back to it, which pytest shows where the test fails."""
    print(f"TEST_SEED={SEED} TEST_ROUNDS={ROUNDS}: {victim}, round {number}")
    return chance_of(victim, number)


def wait_a_while(chance):
    """Wait for any moment: there is no event for it."""
    time.sleep(chance.uniform(0, LONGEST_WAIT_S))


def kill_one(chance, candidates):
    """Kill one of those that there are, once there is one, by a pidfd: its number may be another's by then."""
    while True:
        pid = chance.choice(wait_for(candidates))
        try:
            pidfd = os.pidfd_open(pid)
        except ProcessLookupError:
            continue
        try:
            if pid in candidates():
                signal.pidfd_send_signal(pidfd, signal.SIGKILL)
                return
        except ProcessLookupError:
            continue
        finally:
            os.close(pidfd)


def victims(server, kind):
    """Return the launcher; or its zygote; or the inits of containers with a program; or of those that have none yet."""
    launchers = children(server.pid)
    if kind == "launcher":
        return launchers
    if kind == "zygote":
        return [pid for launcher in launchers for pid in children(launcher)[:1]]
    inits = [init for launcher in launchers for init in containers_of(launcher)]
    return [init for init in inits if bool(children(init)) == (kind == "init")]


@pytest.mark.usefixtures("leaves_nothing")
def test_rounds_of_killing_the_server(guard, tmp_path):
    """Whoever waits learns that it is gone, nothing lives on, and the next one sweeps the groups."""
    before, leftovers, outcomes = guard.snapshot(), [], Counter()
    flags = ("--listen", f"unix:{tmp_path}/socket")
    for number in range(EACH):
        chance = begin("server", number)
        with serving(*flags) as server, SandboxClient(server.address) as client:
            assert [] == [path for path in leftovers if path.exists()]
            (launcher,) = children(server.pid)
            with Load(client, f"server {number}") as load:
                wait_a_while(chance)
                server.kill()
            wait_for(lambda: guard.snapshot().processes <= before.processes)
            leftovers = group_directories(launcher)
            assert [] == bugs(server)
        assert [] == [outcome for outcome in load.outcomes if outcome not in {OK, GONE}]
        outcomes.update(load.outcomes)
    with serving(*flags) as server, SandboxClient(server.address) as client:
        assert [] == [path for path in leftovers if path.exists()]
        assert pb.VERDICT_OK == client.execute(command("true")).verdict

    assert outcomes[GONE], "nobody noticed"


@pytest.mark.parametrize("kind", ["launcher", "zygote", "init", "spare"])
def test_rounds_of_killing_what_a_server_has_started(guard, kind):
    """Whoever is hit learns that it was our fault, the others get what they would have got, and the server goes on."""
    outcomes = Counter()
    with attacked("--templates", "0", "--metrics-listen", "127.0.0.1:0", guard=guard, patience=SLOWNESS) as target:
        server = target.server
        wait_until_idle(server.metrics_address)
        before = target.settled(SETTLE_S)
        for number in range(EACH):
            chance = begin(kind, number)
            with Load(target.client, f"{kind} {number}") as load:
                wait_a_while(chance)
                kill_one(chance, lambda: victims(server, kind))
            assert [] == [outcome for outcome in load.outcomes if outcome not in {OK, FAULT}]
            target.latency_s()  # raises unless it is served
            assert [] == target.left(before, SETTLE_S)
            outcomes.update(load.outcomes)
            assert kind in {"launcher", "zygote"} or load.outcomes.count(FAULT) <= 1, "others were hit too"
        assert [] == bugs(server)

    assert outcomes[OK] >= EACH, "it was not under load"
    assert kind == "spare" or outcomes[FAULT], "nobody noticed"


def test_priority_is_the_servers_alone():
    """It comes before programs. A launcher that replaces another is started by it, and has none of it."""
    nice = python("import os; print(os.nice(0))")
    with serving("--pool-max", "0") as server, SandboxClient(server.address) as client:
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
    with serving("--pool-max", "0") as server, SandboxClient(server.address) as client:
        (launcher,) = children(server.pid)
        wait_for(lambda: not containers_of(launcher))
        os.kill(launcher, signal.SIGSTOP)
        call = client.stub.Execute.future(command("true"))
        wait_for(client.list)
        os.kill(server.pid, signal.SIGSTOP)
        os.kill(launcher, signal.SIGCONT)
        wait_for(lambda: containers_of(launcher))
        wait_for(lambda: state_of(launcher) == "S")  # it has answered, and waits for the next message
        server.kill()
        wait_for(lambda: not group_directories(launcher))
        call.cancel()

        assert [] == bugs(server)


def state_of(pid):
    """Return what a process does, by the letter of /proc."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


def test_killing_an_init_is_never_the_programs_failure():
    with serving("--pool-max", "0") as server, SandboxClient(server.address) as client:
        call = client.stub.Execute.future(python("import time; time.sleep(30)"))
        wait_for(lambda: [e for e in client.list() if e.phase == pb.PHASE_RUN])
        (launcher,) = children(server.pid)
        (init,) = containers_of(launcher)
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
