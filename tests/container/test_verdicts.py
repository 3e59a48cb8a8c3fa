"""Every verdict, by a program that earns it."""

from __future__ import annotations

import errno
import signal

import pytest

from sandboxd.model import MIB, SECOND_NS, FaultDomain, File, Verdict
from tests.slowness import SLOWNESS

MS = 1_000_000


def test_ok(run):
    result = run.python("print('hello')")

    assert (Verdict.OK, FaultDomain.PROGRAM) == (result.verdict, result.fault_domain)
    assert (0, None, b"hello\n", b"") == (
        result.run.exit_code,
        result.run.signal,
        result.run.stdout.data,
        result.run.stderr.data,
    )


@pytest.mark.parametrize("status", [1, 2, 42, 124, 125, 137, 255])
def test_exit_status_is_reported_as_it_is(run, status):
    """137 by the program's own hand is no kill for memory."""
    result = run.command("/bin/sh", "-c", f"exit {status}")

    assert (Verdict.NONZERO_EXIT, status, None) == (result.verdict, result.run.exit_code, result.run.signal)
    assert FaultDomain.PROGRAM is result.fault_domain


@pytest.mark.parametrize(
    "number",
    [signal.SIGABRT, signal.SIGSEGV, signal.SIGKILL, signal.SIGTERM, signal.SIGSYS, signal.SIGXCPU, signal.SIGPIPE],
)
def test_own_signal_is_signaled(run, number):
    """No limit explains them, SIGSYS and SIGKILL included."""
    result = run.python(
        f"import os, signal; signal.signal({number}, 0) if {number} != 9 else 0; os.kill(os.getpid(), {number})"
    )

    assert (Verdict.SIGNALED, number, None) == (result.verdict, result.run.signal, result.run.exit_code)
    assert FaultDomain.PROGRAM is result.fault_domain


def test_segfault(run):
    result = run.python("import ctypes; ctypes.string_at(0)")

    assert (Verdict.SIGNALED, signal.SIGSEGV) == (result.verdict, result.run.signal)


def test_cpu_time_limit(run):
    result = run.python("while True: pass", cpu_time_ns=300 * MS)

    assert (Verdict.CPU_TIME_LIMIT, FaultDomain.LIMIT) == (result.verdict, result.fault_domain)
    cause = result.run.cause
    assert ("cpu_time", 300 * MS) == (cause.limit, cause.allowed)
    assert 300 * MS < cause.observed < (300 + 100 * SLOWNESS) * MS


def test_cpu_time_of_dead_and_daemonised_children_counts(run):
    """Ten children of 0.1 s each, double-forked and dead, and a parent that only waits."""
    code = """
import os, time
for _ in range(10):
    if (pid := os.fork()) == 0:
        if os.fork() == 0:
            os.setsid()
            end = time.process_time() + 0.1
            while time.process_time() < end: pass
        os._exit(0)
    os.waitpid(pid, 0)
    time.sleep(0.15)
time.sleep(30)
"""
    result = run.python(code, cpu_time_ns=600 * MS, wall_time_ns=20 * SECOND_NS)

    assert Verdict.CPU_TIME_LIMIT is result.verdict
    assert result.run.usage.wall_time_ns < 20 * SECOND_NS, "it is ended for that, and not only named after it"


def test_cpu_time_of_a_program_that_gives_init_much_to_do(run):
    """Init reaps its orphans. While it runs that counts as the program's; at the end it does not, and leaves less than the limit."""
    result = run.sh("while :; do (true &); done", cpu_time_ns=300 * MS, wall_time_ns=20 * SECOND_NS * SLOWNESS)

    assert (Verdict.CPU_TIME_LIMIT, FaultDomain.LIMIT) == (result.verdict, result.fault_domain)
    assert result.run.cause.observed >= result.run.cause.allowed


def test_wall_time_limit(run):
    result = run.python("import time; time.sleep(60)", wall_time_ns=300 * MS)

    assert (Verdict.WALL_TIME_LIMIT, FaultDomain.LIMIT) == (result.verdict, result.fault_domain)
    assert ("wall_time", 300 * MS) == (result.run.cause.limit, result.run.cause.allowed)
    assert 300 * MS <= result.run.usage.wall_time_ns < (300 + 150 * SLOWNESS) * MS


def test_blocked_signals_do_not_save_from_the_wall_time_limit(run):
    code = "import signal, time; signal.pthread_sigmask(0, range(1, 65)); print('x', flush=True); time.sleep(60)"
    result = run.python(code, wall_time_ns=500 * MS * SLOWNESS)

    assert (Verdict.WALL_TIME_LIMIT, b"x\n") == (result.verdict, result.run.stdout.data)


def test_stopped_program_meets_the_wall_time_limit(run):
    result = run.python("import os; os.kill(os.getpid(), 19)", wall_time_ns=300 * MS)

    assert Verdict.WALL_TIME_LIMIT is result.verdict


def test_memory_limit(run):
    result = run.python("x = bytearray(500 << 20)", memory_bytes=64 * MIB)

    assert (Verdict.MEMORY_LIMIT, FaultDomain.LIMIT) == (result.verdict, result.fault_domain)
    assert ("memory_bytes", 64 * MIB) == (result.run.cause.limit, result.run.cause.allowed)
    assert result.run.usage.oom_kills >= 1


def test_memory_limit_when_only_a_child_is_killed(run):
    """The parent exits 0; the container was over its memory all the same."""
    code = """
import os
if (pid := os.fork()) == 0:
    x = bytearray(500 << 20)
    os._exit(0)
os.waitpid(pid, 0)
"""
    result = run.python(code, memory_bytes=64 * MIB)

    assert Verdict.MEMORY_LIMIT is result.verdict


def test_who_is_left_when_a_child_was_killed_for_memory_is_ended(run):
    code = "import os, time\nif os.fork() == 0: bytearray(1 << 30)\ntime.sleep(60)"
    result = run.python(code, memory_bytes=64 * MIB, wall_time_ns=20 * SECOND_NS * SLOWNESS)

    assert Verdict.MEMORY_LIMIT is result.verdict
    assert result.run.usage.wall_time_ns < 10 * SECOND_NS * SLOWNESS


def test_memory_limit_of_many_processes_each_below_it(run):
    code = """
import os, time
for _ in range(20):
    if os.fork() == 0:
        x = bytearray(8 << 20)
        time.sleep(5)
        os._exit(0)
for _ in range(20): os.wait()
"""
    result = run.python(code, memory_bytes=64 * MIB)

    assert Verdict.MEMORY_LIMIT is result.verdict


def test_output_limit(run):
    result = run.python("while True: print('x' * 1000)", output_bytes=10_000)

    assert (Verdict.OUTPUT_LIMIT, FaultDomain.LIMIT) == (result.verdict, result.fault_domain)
    assert 10_000 == len(result.run.stdout.data)
    assert result.run.stdout.truncated
    assert result.run.cause.observed == result.run.stdout.total_bytes > 10_000


def test_output_limit_counts_both_streams(run):
    result = run.sh("head -c 600 /dev/zero; head -c 600 /dev/zero >&2; sleep 5", output_bytes=1000)

    assert Verdict.OUTPUT_LIMIT is result.verdict
    assert 1000 == len(result.run.stdout.data) + len(result.run.stderr.data)


def test_output_of_exactly_the_limit_is_ok(run):
    result = run.sh("head -c 1000 /dev/zero", output_bytes=1000)

    assert (Verdict.OK, 1000, False) == (result.verdict, result.run.stdout.total_bytes, result.run.stdout.truncated)


def test_disk_limit(run):
    result = run.python("open('f', 'wb').write(b'x' * (20 << 20))", disk_bytes=4 * MIB)

    assert (Verdict.DISK_LIMIT, FaultDomain.LIMIT) == (result.verdict, result.fault_domain)
    assert ("disk_bytes", 4 * MIB) == (result.run.cause.limit, result.run.cause.allowed)


def test_file_size_limit_is_a_disk_limit(run):
    result = run.sh("exec head -c 2000000 /dev/zero > f", file_size_bytes=MIB)

    assert (Verdict.DISK_LIMIT, signal.SIGXFSZ) == (result.verdict, result.run.signal)
    assert "file_size_bytes" == result.run.cause.limit


@pytest.mark.parametrize("place", ["/workspace", "/tmp", "/dev/shm"])
def test_file_size_limit_of_a_program_that_ignores_the_signal(run, place):
    """As Python does: the write fails, and the program with it, leaving a file at the limit."""
    result = run.python(f"open('{place}/f', 'wb').write(bytes(2_000_000))", file_size_bytes=MIB)

    assert (Verdict.DISK_LIMIT, 1, "file_size_bytes") == (
        result.verdict,
        result.run.exit_code,
        result.run.cause.limit,
    )


def test_a_file_at_its_limit_is_nothing_where_the_program_is_fine(run):
    assert Verdict.OK is run.python("open('f', 'wb').write(bytes(1 << 20))", file_size_bytes=MIB).verdict


def test_a_program_that_cleans_up_after_a_full_disk(run):
    """It was seen full while the program ran, which then fails with an empty one."""
    code = """
import os, sys, time
try: open('f', 'wb').write(b'x' * (20 << 20))
except OSError: time.sleep(0.3); os.unlink('f'); sys.exit(1)
"""
    assert Verdict.DISK_LIMIT is run.python(code, disk_bytes=4 * MIB).verdict


def test_inodes_are_told_from_bytes(run):
    code = "for n in range(10**6): open(str(n), 'w').close()"
    result = run.python(code, cpu_time_ns=10 * SECOND_NS * SLOWNESS)

    assert (Verdict.DISK_LIMIT, "inodes", 16384) == (
        result.verdict,
        result.run.cause.limit,
        result.run.cause.allowed,
    )


def test_process_limit(run):
    code = """
import os, time
for n in range(200):  # bounded: if the wall is missing, the host survives
    if os.fork() == 0:
        time.sleep(10)
        os._exit(0)
"""
    result = run.python(code, processes=16)

    assert (Verdict.PROCESS_LIMIT, FaultDomain.LIMIT) == (result.verdict, result.fault_domain)
    assert ("processes", 16) == (result.run.cause.limit, result.run.cause.allowed)


def test_security_violation_names_the_call(run):
    result = run.python("import ctypes; print(ctypes.CDLL(None).syscall(246, 0, 0, 0, 0))")

    assert (Verdict.SECURITY_VIOLATION, "kexec_load") == (result.verdict, result.run.blocked_syscall)
    assert b"" == result.run.stdout.data
    assert FaultDomain.PROGRAM is result.fault_domain


def test_compile_error(run):
    result = run.c("int main() {")

    assert (Verdict.COMPILE_ERROR, 1, None) == (result.verdict, result.compile.exit_code, result.run)
    assert b"error" in result.compile.stderr.data
    assert FaultDomain.PROGRAM is result.fault_domain


def test_compiled_program_runs_in_another_container(run):
    result = run.c('#include <stdio.h>\nint main(void) { puts("from C"); return 3; }')

    assert (Verdict.OK, Verdict.NONZERO_EXIT, 3) == (result.compile.verdict, result.verdict, result.run.exit_code)
    assert b"from C\n" == result.run.stdout.data


@pytest.mark.parametrize(
    ("argv", "status"), [(("nope",), 127), (("/no/such",), 127), (("/etc/passwd",), 126), (("/usr",), 126)]
)
def test_what_cannot_be_executed_is_the_programs_failure(run, argv, status):
    result = run.command(*argv)

    assert (Verdict.NONZERO_EXIT, status, FaultDomain.PROGRAM) == (
        result.verdict,
        result.run.exit_code,
        result.fault_domain,
    )
    assert f"{argv[0]!r} could not be started" in result.run.detail


def test_a_missing_interpreter_is_told_from_a_missing_program(run):
    files = (File(path="x", content=b"#!/no/such/interpreter\n", mode=0o755),)
    result = run.command("./x", files=files)

    assert (Verdict.NONZERO_EXIT, 127) == (result.verdict, result.run.exit_code)
    assert "'./x' could not be started: the interpreter that it names is not there" == result.run.detail


@pytest.mark.parametrize(
    ("arguments", "env"),
    [(["x" * 100_000] * 30, {}), (["\x01" * (8 << 20)], {}), ([], {"A": "x" * (8 << 20)})],
    ids=["words", "a word", "a variable"],
)
def test_argument_list_too_long_is_the_programs_failure(run, arguments, env):
    result = run.command("/bin/true", *arguments, env=env)

    assert (Verdict.NONZERO_EXIT, 126) == (result.verdict, result.run.exit_code)
    assert "Argument list too long" in result.run.detail, errno.E2BIG


def test_what_was_written_before_a_kill_is_returned(run):
    result = run.python("import time; print('early', flush=True); time.sleep(60)", wall_time_ns=500 * MS * SLOWNESS)

    assert (Verdict.WALL_TIME_LIMIT, b"early\n") == (result.verdict, result.run.stdout.data)


def test_orphan_that_holds_stdout_does_not_hold_the_answer(run):
    result = run.sh("sleep 30 & echo done", wall_time_ns=20 * SECOND_NS)

    assert (Verdict.OK, b"done\n") == (result.verdict, result.run.stdout.data)
    assert result.run.usage.wall_time_ns < 5 * SECOND_NS
