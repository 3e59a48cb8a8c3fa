"""The container's file systems: a read-only image, a private writable layer with limits, and what comes back of it."""

from __future__ import annotations

import os

import pytest

from sandboxd.model import MIB, File, Source, Submission, Verdict
from sandboxd.runtime import steps
from tests.observe import wait_for
from tests.slowness import SLOWNESS


def lines(result):
    assert result.verdict is Verdict.OK, (result.verdict, result.run.stderr.data)
    return result.run.stdout.data.decode().splitlines()


# The image.


@pytest.mark.parametrize("path", ["/usr/bin/evil", "/etc/evil", "/evil", "/lib/evil", "/root/evil"])
def test_system_directories_cannot_be_written(run, path):
    result = run.sh(f"echo x > {path}")

    assert (Verdict.NONZERO_EXIT, 2) == (result.verdict, result.run.exit_code)
    assert b"ermission denied" in result.run.stderr.data or b"Read-only" in result.run.stderr.data


@pytest.mark.parametrize("path", ["/etc/passwd", "/usr/bin/python3", "/bin/sh"])
def test_files_of_the_image_cannot_be_changed(run, path):
    result = run.python(f"import os; os.open({path!r}, os.O_WRONLY)")

    assert (Verdict.NONZERO_EXIT, 1) == (result.verdict, result.run.exit_code)
    assert b"PermissionError" in result.run.stderr.data or b"Read-only" in result.run.stderr.data


def test_root_of_the_image_is_root_of_the_container(run):
    """The image is id-mapped: its files belong to root in here, and to nobody's id on the host."""
    assert ["0 0"] == lines(run.sh("stat -c '%u %g' /usr/bin/python3"))


def test_no_setuid_file_gives_anything(run):
    """nosuid on every mount, and no_new_privs besides."""
    result = run.sh("cut -d' ' -f5,6 /proc/self/mountinfo")
    for line in lines(result):
        assert "nosuid" in line, f"a mount without nosuid: {line}"


def test_mounts_are_these_and_no_more(run):
    """Every mount point is known, only the container's own layer and terminals are writable, and devices are devices."""
    mounts = {
        point: set(flags.split(","))
        for point, flags in (line.split(" ") for line in lines(run.sh("cut -d' ' -f5,6 /proc/self/mountinfo")))
    }
    writable, devices = {"/", "/tmp", "/workspace", "/dev/shm", "/dev/mqueue"}, {"/dev", "/dev/pts"}
    rest = mounts.keys() - writable - devices - {"/proc"}

    assert writable | devices | {"/proc"} <= mounts.keys()
    assert all(point.startswith("/proc/") for point in rest), rest
    assert set() == {point for point in mounts if "ro" not in mounts[point]} - writable - {"/dev/pts", "/proc"}
    assert {path.decode() for path in steps.READ_ONLY if os.path.exists(path)} <= mounts.keys()
    assert devices == {point for point in mounts if "nodev" not in mounts[point]} - rest
    assert set() == {point for point in mounts if "noexec" not in mounts[point]} - (writable - {"/dev/mqueue"}) - rest


def test_nothing_of_the_host_is_there(run, tmp_path):
    """Neither its files nor its mounts: a file that exists outside, by its path, does not exist inside."""
    secret = tmp_path / "secret"
    secret.write_text("of the host")
    paths = [str(secret), "/sys/kernel", "/store", "/images", "/c", __file__]

    assert ["[]"] == lines(run.python(f"import os; print([path for path in {paths} if os.path.exists(path)])"))


def test_device_nodes_cannot_be_made(run):
    result = run.python("import os, stat; os.mknod('/tmp/disk', stat.S_IFBLK | 0o600, os.makedev(8, 0))")

    assert b"PermissionError" in result.run.stderr.data


def test_device_nodes_are_the_containers_own(run):
    """On the host's a program could keep the host from locking its own /dev/null, and hear of all that opens it."""
    host = os.stat("/dev/null")
    inside = run.python("import os; s = os.stat('/dev/null'); print(s.st_dev, s.st_ino)").run.stdout.data.split()

    assert [str(host.st_dev).encode(), str(host.st_ino).encode()] != inside


def test_a_lock_on_a_device_is_nobody_elses(run, host):
    """Two containers that live at the same time, each with an exclusive lock on what it sees as the same file."""
    lock = "import fcntl, time; fds = open('/dev/null'), __import__('os').open('/proc/acpi', 0)\n"
    lock += "for fd in fds: fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)\nprint('locked', flush=True)\n"
    source = Source(language="python", files=(File(path="", content=(lock + "time.sleep(20)").encode()),))
    first = host.submit(Submission(program=source))
    try:
        wait_for(lambda: first.kept_bytes)
        second = run.python(lock)
    finally:
        host.await_(first.abandon())

    assert b"locked\n" == second.run.stdout.data, second.run.stderr.data


@pytest.mark.parametrize("name", ["stdin", "stdout", "stderr"])
def test_standard_streams_can_be_opened_by_name(run, name):
    mode = "r" if name == "stdin" else "w"
    result = run.python(f"f = open('/dev/{name}', {mode!r}); f.read() if {mode!r} == 'r' else f.write('through')")

    assert Verdict.OK is result.verdict, result.run.stderr.data
    assert (b"through" if name == "stdout" else b"") == result.run.stdout.data


def test_devices(run):
    assert ["full", "mqueue", "null", "ptmx", "pts", "random", "shm", "tty", "urandom", "zero"] == [
        name for name in lines(run.sh("ls /dev")) if name not in ("fd", "stderr", "stdin", "stdout")
    ]


MASKED = [
    "acpi",
    "asound",
    "buddyinfo",
    "cgroups",
    "cmdline",
    "diskstats",
    "fs",
    "interrupts",
    "kallsyms",
    "kcore",
    "keys",
    "key-users",
    "kpagecgroup",
    "kpagecount",
    "kpageflags",
    "latency_stats",
    "locks",
    "pagetypeinfo",
    "pressure",
    "sched_debug",
    "schedstat",
    "scsi",
    "softirqs",
    "timer_list",
    "timer_stats",
]


def test_proc_is_masked(run):
    """Nothing can be read of what tells about the host: a file is empty, a directory too, or there is none."""
    code = f"""
import os
for name in {MASKED}:
    path = "/proc/" + name
    if os.path.isdir(path):
        found = os.listdir(path)
    elif os.path.exists(path):
        found = open(path, "rb").read(64)
    else:
        continue
    if found: print(name)
"""
    assert [] == lines(run.python(code))


@pytest.mark.parametrize("path", ["sys/kernel/core_pattern", "sys/kernel/hostname", "sys/vm/drop_caches"])
def test_proc_sys_cannot_be_written(run, path):
    result = run.python(f"open('/proc/{path}', 'w').write('x')")

    assert (Verdict.NONZERO_EXIT, 1) == (result.verdict, result.run.exit_code)


# The writable layer.


def test_workspace_and_tmp_are_writable_and_empty(run):
    script = "ls -A /workspace /tmp /dev/shm | grep -v : | tr -d '\\n'; touch /workspace/a /tmp/b /dev/shm/c && echo ok"

    assert ["ok"] == lines(run.sh(script))


def test_next_container_finds_nothing_of_the_last(run):
    run.sh("for d in /workspace /tmp /dev/shm; do echo secret > $d/left; done")

    assert ["0"] == lines(run.sh("ls -A /workspace /tmp /dev/shm | grep -c left || true"))


def test_disk_limit_is_of_all_writable_places_together(run):
    code = """
import errno
written = 0
for path in ("/workspace/a", "/tmp/b", "/dev/shm/c"):
    with open(path, "wb", buffering=0) as file:
        try:
            while True:
                written += file.write(bytes(65536))
                if written > 1 << 26: break
        except OSError as error:
            assert error.errno == errno.ENOSPC, error
print(written)
"""
    result = run.python(code, disk_bytes=8 * MIB)

    assert 7 * MIB < int(result.run.stdout.data) <= 8 * MIB


def test_inodes_are_limited(run):
    code = """
import errno
for n in range(100_000):
    try:
        open(f"/tmp/{n}", "w").close()
    except OSError as error:
        print(n, errno.errorcode[error.errno])
        break
"""
    count, name = run.python(code, cpu_time_ns=20 * 10**9).run.stdout.data.split()

    assert b"ENOSPC" == name
    assert int(count) < 16384, "the policy's inodes"


@pytest.mark.parametrize("path", ["/tmp/x", "/dev/shm/x", "/workspace/x"])
def test_files_in_memory_count_as_memory(run, path):
    code = f"open({path!r}, 'wb').write(bytes(64 << 20))"
    result = run.python(code, memory_bytes=32 * MIB, disk_bytes=128 * MIB, file_size_bytes=128 * MIB)

    assert (Verdict.MEMORY_LIMIT, "memory_bytes") == (result.verdict, result.run.cause.limit)


# Files in and out.


def test_files_arrive_with_content_and_mode(run):
    files = (
        File(path="data/deep/in.txt", content=b"\x00\xff", mode=0o600),
        File(path="tool.sh", content=b"#!/bin/sh\necho ran\n", mode=0o755),
    )
    result = run.sh("stat -c '%a %u %n' data/deep/in.txt; od -An -tx1 data/deep/in.txt; ./tool.sh", files=files)

    assert ["600 1000 data/deep/in.txt", " 00 ff", "ran"] == lines(result)


def test_regular_files_come_back(run):
    script = "mkdir -p out/a; printf one > out/1; printf two > out/a/2; chmod 755 out/1; printf no > not"
    result = run.sh(script, collect=("out/**",))

    assert [("out/1", b"one", 0o755), ("out/a/2", b"two", 0o644)] == [(f.path, f.content, f.mode) for f in result.files]
    assert () == result.skipped_files


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        ("ln -s /etc/passwd out/x", "not a regular file"),
        ("ln -s ../../../../etc/passwd out/x", "not a regular file"),
        ("mkfifo out/x", "not a regular file"),
        ("python3 -c \"import socket; socket.socket(socket.AF_UNIX).bind('out/x')\"", "not a regular file"),
        ("truncate -s 60M out/x", "larger than what may still be returned"),
        ("touch out/$(printf '\\377')", "not UTF-8"),
    ],
)
def test_what_is_no_plain_small_file_is_told_and_left(run, make, reason):
    result = run.sh(f"mkdir out; {make}", collect=("out/**",))

    assert result.verdict is Verdict.OK, result.run.stderr.data
    assert () == result.files
    assert [True] == [reason in skipped.reason for skipped in result.skipped_files], result.skipped_files


def test_symlink_to_a_directory_is_not_followed(run):
    result = run.sh("ln -s /etc out", collect=("out/**", "out"))

    assert () == result.files


def test_many_and_deep_files_are_bounded(run):
    deep = run.sh("d=out; for i in $(seq 100); do d=$d/d; done; mkdir -p $d; touch $d/x", collect=("**",))

    assert () == deep.files
    assert ["directories" in skipped.reason for skipped in deep.skipped_files] == [True]


def test_files_of_a_killed_run_come_back(run):
    result = run.python(
        "open('half', 'w').write('half'); \nwhile True: pass", collect=("half",), cpu_time_ns=200_000_000 * SLOWNESS
    )

    assert Verdict.CPU_TIME_LIMIT is result.verdict
    assert [("half", b"half")] == [(f.path, f.content) for f in result.files]


def test_reading_through_a_hard_link_gives_only_the_containers_own(run):
    """Hard links across mounts do not exist; within the workspace it is a file like any other."""
    result = run.sh("echo own > a; ln a b; ln /etc/passwd c 2>&1 | grep -c link", collect=("*",))

    assert [("a", b"own\n"), ("b", b"own\n")] == [(f.path, f.content) for f in result.files]
