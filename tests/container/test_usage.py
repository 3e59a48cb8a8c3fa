"""Usage is what the kernel accounted: of the whole tree, of killed runs too, and absent where it gives no figure."""

from __future__ import annotations

import dataclasses
import time

import pytest

from sandboxd.linux import cgroups
from sandboxd.model import MIB, SECOND_NS, File, Usage, Verdict
from sandboxd.runtime.supervisor import Run
from tests.slowness import SLOWNESS

MS = 1_000_000
# cgroup v2 has no counter of these that a container has to itself, or not on every kernel.
MAY_BE_ABSENT = {"memory_peak_bytes", "processes_peak", "throttled_time_ns", "read_bytes", "written_bytes"}


def missing(usage):
    """Return the figures that are absent and must not be."""
    absent = {field.name for field in dataclasses.fields(Usage) if getattr(usage, field.name) is None}
    return absent - (MAY_BE_ABSENT if cgroups.detect_version() == 2 else set())


def test_every_figure_is_there(run):
    assert not missing(run.python("x = bytearray(20 << 20); import time; time.sleep(0.05)").run.usage)


def test_cpu_time_is_the_programs_own_account(run):
    """Against getrusage(2) of the program itself, within 10 % or 10 ms: what is more is exec and exit."""
    code = """
import resource, time
while time.process_time() < 0.5: pass
r = resource.getrusage(resource.RUSAGE_SELF)
print(int((r.ru_utime + r.ru_stime) * 1e9))
"""
    result = run.python(code)
    own = int(result.run.stdout.data)

    assert own - 10 * MS < result.run.usage.cpu_time_ns < own * 1.1 + 20 * MS * SLOWNESS
    assert result.run.usage.cpu_time_ns == result.run.usage.user_time_ns + result.run.usage.system_time_ns


def test_set_up_is_not_charged(run):
    """Clocks and baseline begin at the start: /bin/true costs next to nothing."""
    usage = run.command("/bin/true").run.usage

    assert 0 < usage.cpu_time_ns < 20 * MS * SLOWNESS
    assert usage.wall_time_ns < 500 * MS * SLOWNESS


@pytest.mark.parametrize("then", ["os._exit(0)", "os.write(writing, b'!'); time.sleep(3600)"], ids=["ends", "is left"])
def test_children_are_counted_when_nobody_waits_for_them(run, then):
    """Init ends what is left, and waits for each, before it says what was used."""
    code = f"""
import os, time
reading, writing = os.pipe()
if os.fork() == 0:
    os.setsid()
    while time.process_time() < 0.3: pass
    {then}
os.close(writing)
os.read(reading, 1)
"""
    result = run.python(code)

    assert Verdict.OK is result.verdict
    assert not missing(result.run.usage)
    assert result.run.usage.cpu_time_ns > 290 * MS


def test_memory_peak_is_of_all_processes_and_of_files_in_memory(run):
    usage = run.python("open('/tmp/x', 'wb').write(bytes(30 << 20)); b = bytearray(b'1') * (40 << 20)").run.usage

    assert 70 * MIB < usage.memory_peak_bytes < 110 * MIB


def test_kinds_of_memory_are_told_apart(run):
    """Sampled while it runs: the sample nearest to the peak."""
    code = """
import time
block = bytearray(b"1") * (40 << 20)
with open("/tmp/x", "wb") as file:
    for _ in range(20): file.write(bytes(1 << 20))
time.sleep(0.6)
"""
    usage = run.python(code).run.usage

    assert 40 * MIB <= usage.memory_anon_bytes < 60 * MIB
    assert 20 * MIB <= usage.memory_shmem_bytes < 25 * MIB
    assert usage.memory_file_bytes < 5 * MIB, "of files with a disk behind them, and shared memory is told apart"
    assert usage.memory_kernel_bytes > 0


def test_processes_peak(run):
    code = "import os, time\nfor _ in range(6):\n  if os.fork() == 0: time.sleep(0.2); os._exit(0)\ntime.sleep(0.1)"

    assert 7 == run.python(code).run.usage.processes_peak


def test_bytes_read_and_written(run):
    usage = run.python("f = open('x', 'wb'); f.write(bytes(3 << 20)); f.close(); open('x', 'rb').read()").run.usage

    assert 3 * MIB <= usage.written_bytes < 4 * MIB
    assert usage.read_bytes >= 3 * MIB


def test_faults_and_switches(run):
    code = """
import mmap, time
block = mmap.mmap(-1, 16 << 20)
block.madvise(mmap.MADV_NOHUGEPAGE)  # where huge pages are the default, one fault brings 512 pages
block.write(bytes(16 << 20))
for _ in range(50): time.sleep(0.001)
"""
    usage = run.python(code).run.usage

    assert usage.minor_faults >= 16 * MIB / 4096
    assert usage.voluntary_switches >= 50


def test_wall_time_is_the_programs(run):
    usage = run.command("/bin/sleep", "0.3").run.usage

    assert 300 * MS <= usage.wall_time_ns < (300 + 200 * SLOWNESS) * MS
    assert usage.cpu_time_ns < 30 * MS * SLOWNESS


def test_wall_time_is_the_programs_when_the_server_is_late(run, host):
    """The server does nothing for a while, in which the program ends."""
    host.loop.call_soon_threadsafe(host.loop.call_later, 0.15, time.sleep, 0.5 * SLOWNESS)
    usage = run.command("/bin/sleep", "0.3").run.usage

    assert 300 * MS <= usage.wall_time_ns < (300 + 150 * SLOWNESS) * MS


def test_killed_runs_have_the_whole_usage_too(run):
    result = run.python("import os; os.fork()\nwhile True: bytearray(1 << 20)", cpu_time_ns=300 * MS * SLOWNESS)

    assert Verdict.CPU_TIME_LIMIT is result.verdict
    assert not missing(result.run.usage)
    assert result.run.usage.processes_peak == 2


WORK = """
import os, signal, sys, time
with open("/tmp/x", "wb", buffering=0) as file:
    for _ in range(7): file.write(bytes(100_000))
with open("/tmp/x", "rb", buffering=0) as file:
    for _ in range(5): file.read(100_000)
for _ in range(100): time.sleep(%s)  # not so short that it is over before the CPU is given away
""" % (0.001 * SLOWNESS)
ENDS = {
    "by itself": ("", {}, Verdict.OK),
    "cpu": ("while True: pass", {"cpu_time_ns": 500 * MS * SLOWNESS}, Verdict.CPU_TIME_LIMIT),
    "wall": ("time.sleep(60)", {"wall_time_ns": 1_000 * MS * SLOWNESS}, Verdict.WALL_TIME_LIMIT),
    "output": ("while True: print('x' * 999)", {"output_bytes": 10_000}, Verdict.OUTPUT_LIMIT),
    "security": ("import ctypes; ctypes.CDLL(None).syscall(246, 0, 0, 0, 0)", {}, Verdict.SECURITY_VIOLATION),
    "memory of a child": (
        "if os.fork() == 0: bytearray(1 << 30)\nos.wait(); time.sleep(60)",
        {"memory_bytes": 48 << 20},
        Verdict.MEMORY_LIMIT,
    ),
}


@pytest.mark.parametrize("end", ENDS)
def test_counts_are_the_same_whichever_way_it_ends(run, end):
    """What was read, written and waited for before a kill is told as it would have been without one."""
    last, limits, verdict = ENDS[end]
    result = run.python(WORK + last, **limits)
    usage = result.run.usage

    assert verdict is result.verdict, result.run.detail
    assert 500_000 <= usage.read_bytes < 900_000, "the interpreter reads its own modules too"
    assert 700_000 <= usage.written_bytes < 1_000_000
    assert 100 <= usage.voluntary_switches < 1_000
    assert usage.involuntary_switches is not None


@pytest.mark.parametrize(
    "request_has",
    [{"env": {"LARGE": "x" * 100_000}}, {"files": (File(path="large", content=bytes(100_000)),)}],
    ids=["env", "files"],
)
def test_bytes_of_init_are_not_the_programs(run, request_has):
    """Init reads the request, and writes its files: that is not what /bin/true has read and written."""
    usage = run.command("/bin/true", **request_has).run.usage

    assert usage.read_bytes < 10_000
    assert usage.written_bytes < 10_000


def test_files_of_the_request_are_memory_of_the_container(run):
    files = (File(path="a/large", content=bytes(40 << 20)),)
    usage = run.sh("sleep 0.3", files=files).run.usage
    refused = run.sh("true", files=files, memory_bytes=20 << 20)

    assert usage.memory_shmem_bytes >= 40 << 20
    assert usage.memory_peak_bytes >= 40 << 20
    assert Verdict.MEMORY_LIMIT is refused.verdict


def test_timings_add_up(run):
    """Queue, set-up, run and collection are reported apart."""
    timings = run.command("/bin/sleep", "0.2").timings

    assert 200 * MS <= timings.ran_ns < SECOND_NS * SLOWNESS
    assert 0 < timings.created_ns < SECOND_NS * SLOWNESS
    assert 0 <= timings.queued_ns < SECOND_NS * SLOWNESS
    assert 0 < timings.collected_ns < SECOND_NS * SLOWNESS


@pytest.mark.parametrize(
    ("command", "least", "most"), [("exec sleep 1", 1, 4), ("timeout 1 sh -c 'while :; do :; done'", 6, 100)]
)
def test_only_who_has_run_is_looked_at(run, monkeypatch, command, least, most):
    """A thousand programs that wait would keep a core busy otherwise."""
    looks, look = [], Run._look_at_what_ran
    monkeypatch.setattr(Run, "_look_at_what_ran", lambda self: looks.append(self) or look(self))

    run.sh(command)

    assert least <= len(looks) <= most
