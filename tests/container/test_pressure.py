"""A program that presses on what does not belong to it: init's share of the CPU, and what the kernel has for everybody."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from sandboxd.model import MIB, SECOND_NS, File, LimitsRequest, Source, Submission, Verdict
from tests.observe import wait_for
from tests.slowness import SLOWNESS

MS = 1_000_000

LONG_S = 20 * SLOWNESS
HOGS = f"""
import os, sys, time
SCHED_IDLE = 5
for attempt in (
    lambda: os.sched_setscheduler(1, SCHED_IDLE, os.sched_param(0)),
    lambda: os.sched_setaffinity(1, {{min(os.sched_getaffinity(0))}}),
    lambda: os.setpriority(os.PRIO_PROCESS, 1, 19),
    lambda: os.setpriority(os.PRIO_USER, 0, 19),
):
    try: attempt()
    except OSError: pass
for _ in range(50):  # bounded in number and in time, were there nothing that ended them
    if os.fork() == 0:
        end = time.monotonic() + {LONG_S}
        while time.monotonic() < end: pass
        os._exit(0)
"""


def test_init_that_is_kept_from_running_does_not_delay_the_kill(run):
    """Idle, on one CPU that fifty others want: the limit still ends the run, and is what ended it."""
    result = run.python(HOGS + f"time.sleep({LONG_S})", wall_time_ns=SECOND_NS)

    assert Verdict.WALL_TIME_LIMIT is result.verdict
    assert result.run.usage.wall_time_ns < (1 + 2 * SLOWNESS) * SECOND_NS
    assert result.timings.ran_ns < 4 * SECOND_NS * SLOWNESS


def test_init_that_is_kept_from_running_does_not_change_the_end(run):
    time_ns = 10 * SECOND_NS * SLOWNESS
    result = run.python(HOGS + "sys.exit(7)", wall_time_ns=time_ns, cpu_time_ns=time_ns)

    assert (Verdict.NONZERO_EXIT, 7) == (result.verdict, result.run.exit_code)
    assert result.timings.ran_ns < 4 * SECOND_NS * SLOWNESS


def test_a_quota_does_not_delay_the_kill(run):
    """Fifty processes that share a hundredth of a CPU need it to die, too."""
    result = run.python(HOGS + f"time.sleep({LONG_S})", wall_time_ns=SECOND_NS, cpus=0.01)

    assert Verdict.WALL_TIME_LIMIT is result.verdict
    assert result.timings.ran_ns < 4 * SECOND_NS * SLOWNESS


# Whoever owns a user namespace pays for what is in it; root's share is everybody's.

INOTIFY = """
import ctypes
libc = ctypes.CDLL(None)
print(sum(libc.inotify_init1(0) >= 0 for _ in range(200)), flush=True)
"""
MQUEUE = """
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
O_CREAT = 0o100
print(sum(libc.mq_open(b"/q%d" % n, O_CREAT | 2, 0o600, None) >= 0 for n in range(20)), flush=True)
"""
SIGNALS = """
import os, signal
signal.pthread_sigmask(signal.SIG_BLOCK, [40])
count = 0
libc = __import__("ctypes").CDLL(None)
while count < 10_000 and libc.sigqueue(os.getpid(), 40, 0) == 0: count += 1
print(count, flush=True)
"""
TERMINALS = """
import os
fds = []
try:
    while len(fds) < 2000: fds.append(os.posix_openpt(os.O_RDWR)) if hasattr(os, "posix_openpt") else fds.extend(os.openpty())
except OSError: pass
print(len(fds), flush=True)
"""


@pytest.mark.parametrize(
    "take", [INOTIFY, MQUEUE, SIGNALS, TERMINALS], ids=["inotify", "mqueue", "signals", "terminals"]
)
def test_what_one_container_takes_another_does_not_miss(run, host, take):
    """The first holds as many as it gets; the second, and one after them, get as many."""
    source = Source(language="python", files=(File(path="", content=(take + "import time; time.sleep(30)").encode()),))
    first = host.submit(Submission(program=source, limits=LimitsRequest(open_files=4096)))
    try:
        wait_for(lambda: first.kept_bytes)
        second = run.python(take, open_files=4096)
        own = first._run.recorder.output(1).data
    finally:
        host.await_(first.abandon())

    assert int(own) > 0
    assert own == second.run.stdout.data


def test_signals_of_a_container_are_not_counted_as_roots(run, host):
    before = _queued_signals()
    source = Source(
        language="python", files=(File(path="", content=(SIGNALS + "import time; time.sleep(30)").encode()),)
    )
    first = host.submit(Submission(program=source))
    try:
        wait_for(lambda: first.kept_bytes)
        during = _queued_signals()
    finally:
        host.await_(first.abandon())

    assert during - before < 1000


def _queued_signals():
    """Return how many signals are queued of root's, who runs these tests: SigQ of proc(5)."""
    return int(_field("/proc/self/status", "SigQ").split("/")[0])


def test_terminals_are_few(run):
    assert 0 < int(run.python(TERMINALS, open_files=4096).run.stdout.data) <= 2 * 64


# What leads out of a container.


@pytest.mark.parametrize("argv", [("/proc/self/exe", "-c", "print('of the host')"), ("./x",)])
def test_the_hosts_interpreter_cannot_be_executed(run, argv):
    """Init is a clone of the launcher, so that /proc/self/exe, just before the program, is a file of the host's."""
    files = (File(path="x", content=b"#!/proc/self/exe\nprint('of the host')\n", mode=0o755),)
    result = run.command(*argv, files=files)

    assert (Verdict.NONZERO_EXIT, 126, b"") == (result.verdict, result.run.exit_code, result.run.stdout.data)


def test_no_core_is_dumped_anywhere(run):
    """Not into a file; and not, with a limit of 1 that the program cannot lower, into the host's crash handler."""
    code = """
import ctypes, os, resource, signal
print(resource.getrlimit(resource.RLIMIT_CORE))
try: resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
except (OSError, ValueError): print("refused")
pid = os.fork()
if pid == 0: os.abort()
print(os.WCOREDUMP(os.waitpid(pid, 0)[1]), os.listdir("."))
"""
    assert b"(1, 1)\nrefused\nFalse ['main.py']\n" == run.python(code).run.stdout.data


def test_writing_out_the_hosts_disks_is_not_for_programs(run):
    """sync(2) succeeds and does nothing: the host's dirty pages stay."""
    path = "/var/tmp/sandboxd-test-dirty"  # not a tmpfs
    try:
        with open(path, "wb") as file:
            file.write(os.urandom(64 * MIB))
        before = _dirty_bytes()
        result = run.python("import os; os.sync(); print('done')")
        after = _dirty_bytes()
    finally:
        os.unlink(path)

    assert b"done\n" == result.run.stdout.data
    assert before > 32 * MIB, "the control: there was something to write"
    assert after > before // 2


def _dirty_bytes():
    return int(_field("/proc/meminfo", "Dirty")) * 1024


def _field(path, name):
    lines = Path(path).read_text().splitlines()
    return next(line.split()[1] for line in lines if line.startswith(f"{name}:"))
