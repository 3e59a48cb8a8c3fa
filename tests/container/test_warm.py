"""Containers that were made before they were asked for are as good as those that are made now, and have what was asked."""

from __future__ import annotations

import os
import signal

import pytest

from sandboxd.model import Command, Start, Submission, Verdict
from sandboxd.runtime import pool, templates
from tests.container.conftest import POOL, excess_bytes
from tests.observe import wait_for
from tests.slowness import SLOWNESS

TEMPLATES = templates.MOST
MIB = 1 << 20
MS = 1_000_000


@pytest.fixture
def spare(host, run):
    """Have containers of the default image and policy ready, with and without an interpreter."""
    run.command("true")
    wait_for(lambda: run.python("").run.start is Start.TEMPLATE)
    wait_for(lambda: 0 < host.engine.pool.target == host.engine.pool.ready)


@pytest.fixture
def taken(host, spare):
    """Fail the test if its first program did not come from the pool."""
    hits = host.engine.pool.hits
    yield
    assert host.engine.pool.hits > hits, "the pool was passed by"


LIMITS = """
import os, resource
print(len(os.sched_getaffinity(0)), os.cpu_count())
print(os.statvfs("/workspace").f_blocks * 4096 // (1 << 20))
print(*(resource.getrlimit(getattr(resource, "RLIMIT_" + name))[1] for name in ("NOFILE", "FSIZE", "STACK")))
"""


@pytest.mark.usefixtures("taken")
def test_limits_are_those_of_the_request(run):
    result = run.python(
        LIMITS, cpus=1.0, disk_bytes=5 * MIB, open_files=33, file_size_bytes=3 * MIB, stack_bytes=2 * MIB
    )

    assert f"1 1\n5\n33 {3 * MIB} {2 * MIB}\n".encode() == result.run.stdout.data


@pytest.mark.usefixtures("taken")
@pytest.mark.parametrize("limit", [32 * MIB, 512 * MIB], ids=["less", "more"])
def test_memory_is_the_requests_not_the_pools(run, limit):
    result = run.python("block = bytearray(2 << 30)", memory_bytes=limit)

    assert (Verdict.MEMORY_LIMIT, limit) == (result.verdict, result.run.cause.allowed)
    assert 0.8 * limit < result.run.usage.memory_peak_bytes <= limit + excess_bytes()


@pytest.mark.usefixtures("taken")
def test_more_memory_than_the_pools_can_be_used(run):
    result = run.python("block = bytearray(400 << 20); print(len(block))", memory_bytes=512 * MIB)

    assert Verdict.OK is result.verdict


@pytest.mark.usefixtures("taken")
def test_processes_are_the_requests(run):
    code = """
import os, time
try:
    for n in range(100):
        if os.fork() == 0:
            time.sleep(30)
except BlockingIOError:
    print(n)
"""
    assert b"6\n" == run.python(code, processes=7).run.stdout.data


@pytest.mark.usefixtures("taken")
def test_a_quota_goes_with_its_container(run):
    """And the next has none. On a slow machine a program has used some CPU time before the server hears that it runs, and limits it."""
    spin = f"import time\nwhile time.process_time() < {0.05 * max(1, SLOWNESS / 5)}: pass"
    slow, free = run.python(spin, cpus=0.05), run.python(spin)

    assert slow.run.usage.throttled_time_ns > 300 * MS
    assert 0 == free.run.usage.throttled_time_ns


def test_no_container_serves_twice(run, spare):
    """Each has ids of its own on the host while it lives, and a workspace that nobody has written to."""
    for _ in range(6):
        assert b"" == run.sh("ls -A /workspace /tmp | grep mark; touch /workspace/mark /tmp/mark").run.stdout.data


@pytest.mark.usefixtures("spare")
def test_containers_that_died_with_their_launcher_are_not_given_away(run, host):
    os.kill(host.engine.launcher_pid, signal.SIGKILL)
    wait_for(lambda: host.engine.pool.ready == 0)

    assert Verdict.OK is run.command("true").verdict


@pytest.mark.usefixtures("spare")
def test_the_time_in_the_pool_is_not_charged(run, host):
    """Neither as set-up nor as the program's."""
    result = run.command("true")

    assert result.timings.created_ns < 1_000 * MS * SLOWNESS
    assert result.run.usage.cpu_time_ns < 20 * MS * SLOWNESS


@pytest.mark.usefixtures("spare")
def test_who_asks_for_a_cold_start_gets_one(host, run):
    hits = host.engine.pool.hits
    cold, pooled = run.command("true", warm=False), run.command("true")

    assert (Start.COLD, Start.POOLED) == (cold.run.start, pooled.run.start)
    assert hits + 1 == host.engine.pool.hits


@pytest.mark.usefixtures("leaves_nothing")
def test_the_pool_follows_demand(host, monkeypatch):
    """Of those who come at one time some wait for their container; the next time none does; and when nobody comes it shrinks."""
    monkeypatch.setattr(pool, "WINDOW_S", 3.0 * SLOWNESS)
    submission = Submission(program=Command(argv=("sleep", "0.2")))

    async def burst():
        executions = [host.service.submit(submission) for _ in range(8)]
        return [(await execution.result()).run.start for execution in executions]

    first = host.await_(burst())
    wait_for(lambda: host.engine.pool.ready >= 8)
    second = host.await_(burst())

    assert Start.COLD in first
    assert [Start.POOLED] * 8 == second
    wait_for(lambda: host.engine.pool.ready == host.engine.pool.target == POOL.least)
