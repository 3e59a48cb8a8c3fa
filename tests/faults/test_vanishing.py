"""The client goes, or its time is over, in every phase of its execution: nothing of it is left, and nobody else notices."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import threading
from pathlib import Path

import grpc
import pytest

from sandboxd.attack.target import attacked
from sandboxd.v1 import execution_service_pb2 as pb
from tests.api.conftest import command, python
from tests.faults.bugs import bugs
from tests.faults.chance import ROUNDS, SEED, chance_of
from tests.faults.load import JOBS
from tests.faults.switch import HOLD, Switch
from tests.mutation import environment
from tests.observe import children, containers_of, wait_for, wait_until_idle
from tests.slowness import SLOWNESS

DEADLINE_S = SLOWNESS
SETTLE_S = 10 * SLOWNESS
CALLER = Path(__file__).with_name("caller.py")
COLLECTING = ("collect", HOLD)
SWITCH = Switch([COLLECTING])
SLEEP = python("import time; time.sleep(60)")
# Two hundred levels, each of which reads the next one twice.
_ENDLESS = b"#if __INCLUDE_LEVEL__ < 199\n#include __FILE__\n#include __FILE__\n#endif\n"


@pytest.fixture(scope="module")
def served(guard):
    """One slot, so that it is known who has it."""
    flags = ("--slots", "1", "--pool-max", "0", "--templates", "0", "--metrics-listen", "127.0.0.1:0")
    with (
        SWITCH.copy() as directory,
        attacked(*flags, env=environment(directory), guard=guard, patience=SLOWNESS) as target,
    ):
        yield target


@pytest.fixture
def target(served):
    """The server when it is idle; what a test leaves of it, or a bug that is logged, fails the test."""
    wait_until_idle(served.server.metrics_address, 0)
    before = served.settled(SETTLE_S)
    yield served
    served.latency_s()
    assert [] == served.left(before, SETTLE_S)
    assert [] == bugs(served.server)


class Phase:
    """A phase in which an execution can be held. ``hold`` does so for as long as the block runs."""

    request = SLEEP

    @contextlib.contextmanager
    def hold(self, target):
        """A program that does not end holds by itself."""
        yield

    def reached(self, target, execution):
        """Whether the execution is in the phase."""
        return execution.phase == pb.PHASE_RUN


class Queued(Phase):
    """Somebody else has the slot."""

    @contextlib.contextmanager
    def hold(self, target):
        first = target.client.stub.Execute.future(SLEEP)
        wait_for(lambda: [e for e in target.client.list() if e.phase])
        yield
        wait_for(lambda: 1 == len(target.client.list()))
        assert not first.done(), "whoever has the slot was disturbed"
        first.cancel()

    def reached(self, target, execution):
        return not execution.phase


class Creating(Phase):
    """The launcher does not answer."""

    @contextlib.contextmanager
    def hold(self, target):
        (launcher,) = children(target.server.pid)
        os.kill(launcher, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(launcher, signal.SIGCONT)

    def reached(self, target, execution):
        return not execution.phase


class Compile(Phase):
    """The compiler has a lot to read."""

    request = pb.ExecuteRequest(source=pb.Source(language="c", code=_ENDLESS))

    def reached(self, target, execution):
        return execution.phase == pb.PHASE_COMPILE


class Collecting(Phase):
    """The program has ended, and its files are not read yet."""

    request = command("touch", "file", collect=["*"])

    @contextlib.contextmanager
    def hold(self, target):
        with SWITCH.on(target.server.pid, COLLECTING):
            yield

    def reached(self, target, execution):
        (launcher,) = children(target.server.pid)
        inits = containers_of(launcher)
        return execution.phase == pb.PHASE_RUN and inits and not children(inits[0])


PHASES = {"queued": Queued(), "creating": Creating(), "compile": Compile(), "run": Phase(), "collecting": Collecting()}


class Call:
    """A call of either method; a stream's input stays open until ``end_input``."""

    def __init__(self, client, method, request, timeout=None):
        self.over, self._outgoing = threading.Event(), queue.SimpleQueue()
        if method == "Execute":
            self.call = client.stub.Execute.future(request, timeout=timeout)
            self.call.add_done_callback(lambda _: self.over.set())
        else:
            self._outgoing.put(pb.ExecuteStreamRequest(request=request))
            self.call = client.stub.ExecuteStream(iter(self._outgoing.get, None), timeout=timeout)
            self.call.add_callback(self.over.set)

    def end_input(self):
        """Let the thread go that waits for more of it."""
        self._outgoing.put(None)


@contextlib.contextmanager
def cancelling(target, method, request):
    """A client that cancels."""
    mine = Call(target.client, method, request)

    def go():
        mine.call.cancel()
        assert grpc.StatusCode.CANCELLED is mine.call.code()

    yield go
    mine.end_input()


@contextlib.contextmanager
def dying(target, method, request):
    """A client that is killed."""
    words = [sys.executable, str(CALLER), target.server.address, method]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL) as client:
        client.stdin.write(request.SerializeToString())
        client.stdin.close()

        def go():
            assert client.poll() is None, "it has ended by itself"
            client.kill()
            client.wait()

        try:
            yield go
        finally:
            client.kill()


@contextlib.contextmanager
def running_out_of_time(target, method, request):
    """A client with a deadline."""
    mine = Call(target.client, method, request, DEADLINE_S)

    def go():
        assert not mine.over.is_set(), "it has ended by itself"
        assert mine.over.wait(2 * DEADLINE_S)
        assert grpc.StatusCode.DEADLINE_EXCEEDED is mine.call.code()

    yield go
    mine.end_input()


ENDS = {"cancelled": cancelling, "killed": dying, "out of time": running_out_of_time}


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("method", ["Execute", "ExecuteStream"])
@pytest.mark.parametrize("name", PHASES)
def test_nothing_is_left(target, name, method, end):
    phase, request = PHASES[name], pb.ExecuteRequest()
    request.CopyFrom(phase.request)
    request.request_id = f"{name} {method} {end}"

    def mine():
        return [execution for execution in target.client.list() if execution.request_id == request.request_id]

    with phase.hold(target), ENDS[end](target, method, request) as go:
        wait_for(lambda: [execution for execution in mine() if phase.reached(target, execution)])
        go()
    wait_for(lambda: not mine())

    (line,) = logged(target.server, request.request_id)
    expected = ("OK", "PROGRAM") if name == "collecting" else ("CANCELLED", "CALLER")
    assert expected == (line["verdict"], line["fault_domain"])


def logged(server, request_id):
    """Return the lines of a request."""
    lines = [json.loads(line) for line in server.log().splitlines()]
    return [line for line in lines if line.get("request_id") == request_id]


def test_at_any_moment(target):
    """However little of it there is."""
    print(f"TEST_SEED={SEED}")
    chance = chance_of("vanishing")
    for _ in range(2 * ROUNDS):
        job = chance.choice(JOBS)
        mine = Call(target.client, chance.choice(("Execute", "ExecuteStream")), job.request)
        mine.over.wait(chance.uniform(0, 0.2 * SLOWNESS))
        mine.call.cancel()
        mine.end_input()
    wait_for(lambda: not target.client.list())
