"""Every limit: what the program sees of it, where it stops, and both fences of those that have two."""

from __future__ import annotations

import errno
import math
import os
import threading
import time
from pathlib import Path

import pytest

from sandboxd.errors import SetupFailed
from sandboxd.linux import cgroups, process
from sandboxd.linux.cgroups import v1
from sandboxd.model import MIB, SECOND_NS, Command, Submission, Verdict
from tests.container.conftest import excess_bytes
from tests.observe import wait_for
from tests.slowness import SLOWNESS

MS = 1_000_000


def out(result):
    assert result.verdict is Verdict.OK, (result.verdict, result.run.detail, result.run.stderr.data)
    return result.run.stdout.data.decode().strip()


def test_all_of_it_is_in_its_group(host):
    """Init and the program, in the group of each controller."""
    execution = host.submit(Submission(program=Command(argv=("/bin/sleep", "20"))))
    try:
        container = wait_for(lambda: execution._container)
        wait_for(lambda: container.program_pidfd >= 0)
        pids = [container.init_pid, process.pid_of(container.program_pidfd)]
        groups = [Path(f"/proc/{pid}/cgroup").read_text().splitlines() for pid in pids]
    finally:
        host.await_(execution.abandon())

    for lines in groups:
        inside = [line.split(":")[1] for line in lines if line.endswith(f"/{container.spec.id}")]
        wanted = v1.CONTROLLERS if cgroups.detect_version() == 1 else ("",)
        assert sorted(wanted) == sorted(controller for names in inside for controller in names.split(",")), lines


# Time. A limit test says when the run ended too: without that, a missing limit would pass after 30 s.


@pytest.mark.parametrize("threads", [1, 8])
def test_cpu_time_is_of_all_threads_together(run, threads):
    code = f"""
import threading, hashlib
def spin():
    while True: hashlib.sha256(bytes(1 << 20))
for _ in range({threads}): threading.Thread(target=spin).start()
"""
    result = run.python(code, cpu_time_ns=400 * MS, wall_time_ns=10 * SECOND_NS)

    assert Verdict.CPU_TIME_LIMIT is result.verdict
    assert 400 * MS < result.run.usage.cpu_time_ns < (400 + 200 * SLOWNESS) * MS


def test_wall_time_is_independent_of_cpu_time(run):
    result = run.sh("sleep 30", wall_time_ns=300 * MS, cpu_time_ns=20 * SECOND_NS)

    assert (Verdict.WALL_TIME_LIMIT, "wall_time", 300 * MS) == (
        result.verdict,
        result.run.cause.limit,
        result.run.cause.allowed,
    )
    assert 300 * MS <= result.run.usage.wall_time_ns < (300 + 300 * SLOWNESS) * MS


def test_a_program_that_ended_in_time_is_not_punished_for_a_late_server(run, host):
    """It ends after 0.2 s of the 0.4 it has; the server, which does nothing until 0.8 s, hears of both at once."""
    limit_ms = 200 + 200 * SLOWNESS
    host.loop.call_soon_threadsafe(host.loop.call_later, 0.1, time.sleep, 2 * limit_ms / 1000 - 0.1)
    result = run.command("/bin/sleep", "0.2", wall_time_ns=limit_ms * MS)

    assert Verdict.OK is result.verdict, result.run


def test_rlimit_of_cpu_stands_behind_the_budget(run):
    """Of one process, in whole seconds, above the budget: it ends a process that the supervisor would not."""
    assert "3 3" == out(run.sh("ulimit -St; ulimit -Ht", cpu_time_ns=2 * SECOND_NS)).replace("\n", " ")


# CPUs.


@pytest.mark.parametrize("warm", [True, False])
def test_init_has_a_whole_cpu(run, warm):
    """To make the container and to start the program: with a hundredth, that took up to half a minute, in which no limit held."""
    result = run.command("/bin/sleep", "20", cpus=0.01, wall_time_ns=SECOND_NS * SLOWNESS, warm=warm)

    assert Verdict.WALL_TIME_LIMIT is result.verdict
    assert result.timings.created_ns < SECOND_NS * SLOWNESS
    assert result.timings.ran_ns < 2 * SECOND_NS * SLOWNESS


def test_a_part_of_a_cpu_that_cannot_be_taken_away_ends_the_run(run, monkeypatch):
    def full(*_):
        raise OSError(errno.EIO, "no")

    monkeypatch.setattr(cgroups.v1.ObserverV1, "limit_cpus", full)
    monkeypatch.setattr(cgroups.v2.ObserverV2, "limit_cpus", full)

    with pytest.raises(SetupFailed, match="limit_cpus"):
        run.command("/bin/sleep", "20", cpus=0.5)


def test_cpus_below_one_are_throttled(run):
    """0.1 s of CPU time at a twentieth of a CPU: two seconds at least, however busy the machine is."""
    wall_time_ns = 30 * SLOWNESS * SECOND_NS
    result = run.python("import time\nwhile time.process_time() < 0.1: pass", cpus=0.05, wall_time_ns=wall_time_ns)

    assert result.verdict is Verdict.OK
    assert result.run.usage.wall_time_ns > 1.5 * SECOND_NS
    assert result.run.usage.throttled_time_ns > 500 * MS


COUNTS_IN_PYTHON = """
import multiprocessing, os, re
print(len(os.sched_getaffinity(0)), os.cpu_count(), multiprocessing.cpu_count(), os.sysconf("SC_NPROCESSORS_CONF"))
print(len(re.findall(r"(?m)^cpu\\d", open("/proc/stat").read())))
"""
COUNTS_IN_CPP = """
#include <iostream>
#include <thread>
#include <sys/sysinfo.h>
#include <omp.h>
int main() {
    std::cout << std::thread::hardware_concurrency() << get_nprocs() << get_nprocs_conf() << omp_get_max_threads();
}
"""


@pytest.mark.parametrize("cpus", [0.5, 1.0, float(len(os.sched_getaffinity(0)))])
def test_program_sees_the_cpus_that_it_may_use(run, cpus):
    """Whichever way it counts."""
    count = str(math.ceil(cpus))

    assert {count} == set(out(run.python(COUNTS_IN_PYTHON, cpus=cpus)).split())
    assert {count} == set(out(run.sh("nproc; nproc --all", cpus=cpus)).split())


def test_runtimes_see_the_cpus_that_they_may_use(run):
    build = f"cat > a.cpp <<'END'{COUNTS_IN_CPP}END\ng++ -fopenmp -o a a.cpp && ./a"
    result = run.sh(build, cpus=1.0, memory_bytes=1 << 30, cpu_time_ns=60 * SECOND_NS, wall_time_ns=120 * SECOND_NS)

    assert "1111" == out(result)


def test_work_of_the_host_cannot_be_read(run):
    """Interrupts and CPU times of all tell what others do, to the keystroke."""
    times = "open('/proc/stat').read().split('btime')[0]"

    assert "True" == out(run.python(f"import re; print(set(re.findall(r' (\\d+)', {times})) == {{'0'}})"))


def test_affinity_cannot_be_widened(run):
    code = """
import os
try:
    os.sched_setaffinity(0, range(os.cpu_count()))
except OSError: pass
print(len(os.sched_getaffinity(0)))
"""
    assert "1" == out(run.python(code, cpus=1.0))


# Memory.

NO_ROOM = "its code had no room left"


@pytest.mark.parametrize(
    "take",
    [
        "block = bytearray(200 << 20)",
        "import mmap; m = mmap.mmap(-1, 200 << 20); [m.seek(n) or m.write_byte(1) for n in range(0, 200 << 20, 4096)]",
        "import os; fd = os.memfd_create('m'); [os.write(fd, bytes(1 << 20)) for _ in range(200)]",
        "open('/dev/shm/m', 'wb').write(bytes(200 << 20))",
    ],
    ids=["heap", "mmap", "memfd", "shm"],
)
def test_memory_of_every_kind_counts(run, take):
    result = run.python(take, memory_bytes=64 * MIB, disk_bytes=256 * MIB, file_size_bytes=256 * MIB)

    assert Verdict.MEMORY_LIMIT is result.verdict, (result.run.detail, result.run.stderr.data)
    assert ("memory_bytes", 64 * MIB) == (result.run.cause.limit, result.run.cause.allowed)
    assert result.run.usage.oom_kills >= 1 or NO_ROOM in result.run.detail
    assert result.run.usage.memory_peak_bytes <= 64 * MIB + excess_bytes()


# Pages of a file that no other container was charged for.
BIG_FILE = """
import glob, mmap, os
file = open(glob.glob("/usr/lib/gcc/*/*/lto1")[0], "rb", buffering=0)
os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
"""
THRASH = f"""{BIG_FILE}
code = mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ)
held = [b"x" * (40 << 20)]
while True:
    held.append(b"x" * (256 << 10))
    for _ in range(2):
        code[::4096]
"""
READ_AGAIN = f"""{BIG_FILE}
for _ in range(20):
    file.seek(0)
    while file.read(1 << 16):
        pass
"""


def test_a_program_without_room_for_its_code_is_out_of_memory(run):
    """The kernel would let it read its code again and again: it sees a page that can be given back, always."""
    result = run.python(THRASH, memory_bytes=64 * MIB, wall_time_ns=20 * SECOND_NS * SLOWNESS)

    assert Verdict.MEMORY_LIMIT is result.verdict, (result.run.detail, result.run.stderr.data)
    assert ("memory_bytes", 64 * MIB) == (result.run.cause.limit, result.run.cause.allowed)
    assert 0 == result.run.usage.oom_kills
    assert NO_ROOM in result.run.detail


def test_arguments_that_do_not_fit_into_memory(run):
    """Of three quarters of 8 MiB, which is the most of them (execve(2)): the kernel kills in the middle of the exec."""
    argv = ("/bin/true", *["x" * 100_000] * 50)
    result = run.command(*argv, memory_bytes=4 * MIB, stack_bytes=64 * MIB)

    assert Verdict.MEMORY_LIMIT is result.verdict, (result.run.detail, result.run.stderr.data)


def test_a_file_larger_than_memory_may_be_read_again_and_again(run):
    """What is given back for its pages is other pages of it."""
    result = run.python(READ_AGAIN, memory_bytes=24 * MIB)

    assert Verdict.OK is result.verdict, (result.run.detail, result.run.stderr.data)


def test_address_space_is_not_limited(run):
    """The JVM, Go and Node reserve far more than they use."""
    code = "import mmap; mmap.mmap(-1, 64 << 30, flags=0x22 | 0x4000); print('ok')  # MAP_NORESERVE"
    assert "ok" == out(run.python(code, memory_bytes=64 * MIB))


def test_no_memory_is_swapped_out_past_the_limit(run):
    """Swap is counted or off: what does not fit is a kill, not a slow run."""
    result = run.python("b = bytearray(100 << 20)", memory_bytes=48 * MIB)

    assert Verdict.MEMORY_LIMIT is result.verdict


# Processes.


FORKS = """
import os, time
made = 0
try:
    for made in range(200):  # bounded: if the wall is missing the host survives
        if os.fork() == 0:
            time.sleep(10)
            os._exit(0)
except BlockingIOError:
    print(made)
"""


@pytest.mark.parametrize("processes", [1, 2, 10, 50])
def test_processes_are_exactly_as_many(run, processes):
    """The program itself is one of them; init is not."""
    result = run.python(FORKS, processes=processes)

    assert str(processes - 1) == out(result)
    assert processes == result.run.usage.processes_peak


def test_threads_count_as_processes(run):
    code = """
import threading, time
made = 0
try:
    for made in range(200):
        threading.Thread(target=time.sleep, args=(10,), daemon=True).start()
except RuntimeError:
    print(made)
"""
    assert "9" == out(run.python(code, processes=10))


def test_rlimit_of_processes_stands_behind_the_cgroup(run):
    """One user a container: RLIMIT_NPROC is of this container alone."""
    soft, hard = out(
        run.python("import resource; print(*resource.getrlimit(resource.RLIMIT_NPROC))", processes=10)
    ).split()

    assert soft == hard
    assert 10 < int(hard) < 40


# Files.


def test_open_files(run):
    code = """
import os
opened = []
try:
    while len(opened) < 1000: opened.append(os.open('/dev/null', os.O_RDONLY))
except OSError as error:
    print(max(opened) + 1, error.errno)
"""
    assert "32 24" == out(run.python(code, open_files=32))


@pytest.mark.parametrize(
    ("name", "limit", "value"),
    [
        ("NOFILE", "open_files", 77),
        ("FSIZE", "file_size_bytes", 3 * MIB),
        ("STACK", "stack_bytes", 4 * MIB),
    ],
)
def test_rlimit_is_set_soft_and_hard(run, name, limit, value):
    code = f"import resource; print(*resource.getrlimit(resource.RLIMIT_{name}))"

    assert f"{value} {value}" == out(run.python(code, **{limit: value}))


@pytest.mark.parametrize(
    ("name", "value"), [("CORE", 1), ("RTPRIO", 0), ("NICE", 0), ("MEMLOCK", 8 * MIB), ("SIGPENDING", 4096)]
)
def test_rlimit_that_no_request_sets(run, name, value):
    """Whoever starts the program: an init that was made for it, or, once it is asked for often enough, a template."""
    for warm in (False, True):
        code = f"import resource; print(*resource.getrlimit(resource.RLIMIT_{name}))"
        soft, hard = map(int, out(run.python(code, warm=warm)).split())

        assert value >= hard == soft


def test_limits_cannot_be_raised(run):
    code = """
import resource
for name in ("NOFILE", "NPROC", "FSIZE", "STACK", "CORE", "CPU"):
    kind = getattr(resource, "RLIMIT_" + name)
    hard = resource.getrlimit(kind)[1]
    try:
        resource.setrlimit(kind, (hard + 1, hard + 1))
        print("RAISED", name)
    except ValueError: pass
"""
    assert "" == out(run.python(code))


def test_file_size(run):
    code = "import signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
    code += "print(open('x', 'wb', buffering=0).write(bytes(2 << 20)))"

    assert str(MIB) == out(run.python(code, file_size_bytes=MIB))


def test_stack(run):
    code = "int deep(int n) { volatile char frame[4096]; frame[0] = n; return n ? deep(n - 1) + frame[0] : 0; }"
    code += "int main(void) { return deep(1024) & 0; }"

    assert run.c(code, stack_bytes=16 * MIB).verdict is Verdict.OK
    assert (Verdict.SIGNALED, 11) == ((r := run.c(code, stack_bytes=1 * MIB)).verdict, r.run.signal)


# Output.


@pytest.mark.parametrize("size", [1, 4096, 1 << 20])
def test_output_is_cut_at_the_byte(run, size):
    result = run.python("import os\nwhile True: os.write(1, b'0123456789' * 1000)", output_bytes=size)

    assert Verdict.OUTPUT_LIMIT is result.verdict
    assert (b"0123456789" * 1000 * 110)[:size] == result.run.stdout.data
    assert result.run.stdout.truncated
    assert result.run.stdout.total_bytes > size
    assert ("output_bytes", size) == (result.run.cause.limit, result.run.cause.allowed)


# Shares.


def test_cpu_shares_divide_a_busy_cpu(run):
    """Two runs on one CPU with shares of 1024 and 3072: a quarter and three quarters, give or take."""
    begin = time.monotonic() + 0.5 * SLOWNESS  # when they are both there
    code = f"""
import os, time
os.sched_setaffinity(0, [min(os.sched_getaffinity(0))])
before = time.process_time()
time.sleep({begin} - time.monotonic())
while time.monotonic() < {begin} + {3 if SLOWNESS == 1 else 10}: pass
print(time.process_time() - before)
"""
    results = {}

    def race(shares):
        results[shares] = run.python(code, cpu_shares=shares, cpu_time_ns=20 * SECOND_NS)

    threads = [threading.Thread(target=race, args=(shares,)) for shares in (1024, 3072)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    times = {shares: float(out(result)) for shares, result in results.items()}

    assert 0.65 < times[3072] / sum(times.values()) < 0.85, times
