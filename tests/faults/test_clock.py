"""The wall clock jumps by hours while programs run: no verdict and no time that is told depends on it.

It jumps for a copy of sandboxd, in all of its own processes, and not for the machine, which others use.
"""

from __future__ import annotations

import time

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration

from sandboxd.attack.target import attacked
from sandboxd.v1 import execution_service_pb2 as pb
from tests.api.conftest import python
from tests.faults.bugs import bugs
from tests.faults.switch import Switch
from tests.mutation import Edit, environment
from tests.observe import children, wait_for, wait_until_idle
from tests.slowness import SLOWNESS

SECOND_NS = 10**9
HOURS = 5
SETTLE_S = 10 * SLOWNESS
FORWARD, BACKWARD = ("clock", "FORWARD"), ("clock", "BACKWARD")
SWITCH = Switch([FORWARD, BACKWARD])
_CODE = f"""\
import time
from sandboxd import refusal
HOURS = {{"FORWARD": {HOURS}, "BACKWARD": -{HOURS}, "": 0}}
real_time, real_gettime = time.time_ns, time.clock_gettime_ns
def time_ns():
    return real_time() + HOURS[refusal.told("clock")] * 3600 * 10**9
def clock_gettime_ns(clock):
    return time_ns() if clock == time.CLOCK_REALTIME else real_gettime(clock)
time.time_ns, time.clock_gettime_ns = time_ns, clock_gettime_ns
time.time = lambda: time_ns() / 1e9
time.clock_gettime = lambda clock: clock_gettime_ns(clock) / 1e9
"""
_JUMPING = "from sandboxd import jumping_clock as _\n"
EDITS = (
    Edit(
        "sandboxd/__main__.py",
        "from sandboxd.cli.main import main\n",
        f"{_JUMPING}from sandboxd.cli.main import main\n",
    ),
    Edit(
        "sandboxd/runtime/launcher.py",
        "from sandboxd.runtime.spec import",
        f"{_JUMPING}from sandboxd.runtime.spec import",
    ),
)
LIMIT_S = 2 * SLOWNESS
LATE_S = SLOWNESS
LONG = Duration(seconds=min(60 * SLOWNESS, 600))  # the policy's ceiling
SLEEP, SPIN = "import time; time.sleep(60)", "while True: pass"
HONEST = f"import time; time.sleep({LIMIT_S}); print('whole')"


@pytest.fixture(scope="module")
def target(guard):
    """A server whose clock can be made to jump."""
    flags = ("--pool-max", "0", "--templates", "0", "--metrics-listen", "127.0.0.1:0")
    with SWITCH.copy(EDITS) as directory:
        (directory / "sandboxd/jumping_clock.py").write_text(_CODE)
        with attacked(*flags, env=environment(directory), guard=guard, patience=SLOWNESS) as target:
            yield target


def limited(code, **limits):
    """Return a request that only one limit can end."""
    return python(code, limits=pb.Limits(**({"wall_time": LONG, "cpu_time": LONG} | limits)))


def hours_off(execution):
    """Return by how many hours the moment at which an execution is said to have been made is wrong."""
    return round((execution.create_time.ToNanoseconds() - time.time_ns()) / (3600 * SECOND_NS))


@pytest.mark.parametrize(
    "jumps", [[FORWARD], [BACKWARD], [FORWARD, BACKWARD] * 3], ids=["forward", "backward", "to and fro"]
)
def test_a_jump_changes_no_time_and_no_verdict(target, jumps):
    client, server = target.client, target.server
    wait_until_idle(server.metrics_address, 0)
    before = target.settled(SETTLE_S)
    begun = time.monotonic_ns()
    limit = Duration(seconds=LIMIT_S)
    (launcher,) = children(server.pid)
    with SWITCH.on(launcher, jumps[0]):
        calls = {
            "wall": client.stub.Execute.future(limited(SLEEP, wall_time=limit)),
            "cpu": client.stub.Execute.future(limited(SPIN, cpu_time=limit)),
            "honest": client.stub.Execute.future(limited(HONEST)),
            "deadline": client.stub.Execute.future(limited(SLEEP), timeout=LIMIT_S),
        }
        wait_for(lambda: len([e for e in client.list() if e.phase]) == len(calls))
    for left, jump in zip(reversed(range(len(jumps))), jumps, strict=True):
        with SWITCH.on(server.pid, jump), SWITCH.on(launcher, jump):
            witness = client.stub.Execute.future(limited(SLEEP))
            seen = wait_for(lambda: [e for e in client.list() if hours_off(e)])
            assert [HOURS if jump == FORWARD else -HOURS] == [hours_off(e) for e in seen], "it did not jump"
            assert max(e.age.ToNanoseconds() for e in client.list()) < time.monotonic_ns() - begun
            witness.cancel()
            wait_for(lambda: not [e for e in client.list() if hours_off(e)])
            if not left:  # the last jump lasts to their end
                deadline = calls.pop("deadline").exception(3 * LIMIT_S)
                answers = {name: call.result(20 * SLOWNESS) for name, call in calls.items()}
    elapsed = time.monotonic_ns() - begun

    assert grpc.StatusCode.DEADLINE_EXCEEDED is deadline.code()
    assert {
        "wall": pb.VERDICT_WALL_TIME_LIMIT,
        "cpu": pb.VERDICT_CPU_TIME_LIMIT,
        "honest": pb.VERDICT_OK,
    } == {name: answer.verdict for name, answer in answers.items()}
    assert b"whole\n" == answers["honest"].run.stdout.data
    least, most = LIMIT_S * SECOND_NS, (LIMIT_S + LATE_S) * SECOND_NS
    assert least <= answers["wall"].run.usage.wall_time.ToNanoseconds() <= most
    assert least <= answers["cpu"].run.usage.cpu_time.ToNanoseconds() <= most
    assert least <= answers["honest"].run.usage.wall_time.ToNanoseconds() <= most
    for answer in answers.values():
        timings = answer.timings
        parts = (timings.queued, timings.created, timings.ran, timings.collected)
        assert 0 <= min(part.ToNanoseconds() for part in parts)
        assert sum(part.ToNanoseconds() for part in parts) <= elapsed
    wait_for(lambda: not client.list())
    target.latency_s()
    assert [] == target.left(before, SETTLE_S)
    assert [] == bugs(server)
