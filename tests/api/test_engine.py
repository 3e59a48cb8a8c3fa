"""Inside an ordinary container engine's container, made by runc with exactly what docs/operations.md says that it needs."""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from sandboxd.client import SandboxClient
from sandboxd.v1 import execution_service_pb2 as pb
from tests.api.conftest import command, python
from tests.api.test_server import UNIT
from tests.container.conftest import STORE

REPOSITORY = Path(__file__).resolve().parents[2]
START_S = 60
# What Docker gives to every container: the nodes that may be used, and that any may be made.
DEVICES = [
    {"allow": False, "access": "rwm"},
    {"allow": True, "type": "c", "access": "m"},
    {"allow": True, "type": "b", "access": "m"},
    *(
        {"allow": True, "type": "c", "major": major, "minor": minor, "access": "rwm"}
        for major, minor in ((1, 3), (1, 5), (1, 7), (1, 8), (1, 9), (5, 0), (5, 2))
    ),
    {"allow": True, "type": "c", "major": 136, "access": "rwm"},
]
# And what it takes away; the launcher mounts a /proc of its own.
MASKED = [f"/proc/{name}" for name in ("acpi", "asound", "interrupts", "kcore", "keys", "latency_stats", "timer_list")]
READ_ONLY = [f"/proc/{name}" for name in ("bus", "fs", "irq", "sys", "sysrq-trigger")]


def bind(place, *options):
    """Return a mount of a place of this machine, at the same place."""
    return {"destination": str(place), "type": "bind", "source": str(place), "options": ["rbind", *options]}


def bundle(directory, socket, without=()):
    """Write the bundle of a container in which a server runs, without some of its capabilities."""
    rootfs = directory / "rootfs"
    for name in ("proc", "sys", "dev", "tmp", "run"):
        (rootfs / name).mkdir(parents=True)
    for link in ("bin", "lib", "lib64", "sbin"):
        (rootfs / link).symlink_to(f"usr/{link}")
    needed = {"/usr", "/etc", sys.base_prefix, str(Path(sys.prefix).resolve()), str(REPOSITORY), str(STORE.parent)}
    capabilities = re.search(r"(?m)^CapabilityBoundingSet=(.*)$", UNIT.read_text())[1].split()
    capabilities = [name for name in capabilities if name not in without]
    config = {
        "ociVersion": "1.0.2",
        "root": {"path": "rootfs"},
        "hostname": "engine",
        "process": {
            "user": {"uid": 0, "gid": 0},
            "args": [
                sys.executable,
                "-m",
                "sandboxd",
                "serve",
                "--listen",
                f"unix:{socket}",
                "--state-dir",
                str(STORE.parent),
            ],
            "env": [f"PATH={os.environ['PATH']}"],
            "cwd": str(REPOSITORY),
            "capabilities": dict.fromkeys(("bounding", "effective", "permitted"), capabilities),
            "noNewPrivileges": True,
            "rlimits": [{"type": "RLIMIT_NOFILE", "soft": 16384, "hard": 16384}],
        },
        "mounts": [
            {"destination": "/proc", "type": "proc", "source": "proc"},
            {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "mode=755"]},
            {"destination": "/tmp", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "nodev"]},
            {"destination": "/sys", "type": "sysfs", "source": "sysfs", "options": ["nosuid", "noexec", "nodev", "ro"]},
            {
                "destination": "/sys/fs/cgroup",
                "type": "cgroup",
                "source": "cgroup",
                "options": ["nosuid", "noexec", "nodev"],
            },
            *(bind(place, "ro") for place in sorted(needed)),
            bind(socket.parent),
        ],
        "linux": {
            "namespaces": [{"type": kind} for kind in ("pid", "ipc", "uts", "mount", "network", "cgroup")],
            "resources": {"devices": DEVICES},
            "maskedPaths": MASKED,
            "readonlyPaths": READ_ONLY,
        },
    }
    (directory / "config.json").write_text(json.dumps(config))


@contextlib.contextmanager
def container(directory):
    """Run the container of a bundle; gives what it prints first, or its errors."""
    runc = ("runc", "--root", str(directory / "state"))
    name = f"sandboxd-test-{os.getpid()}"
    with subprocess.Popen(
        [*runc, "run", "--bundle", str(directory), name], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            yield process
        finally:
            subprocess.run([*runc, "kill", name, "TERM"], check=False, stderr=subprocess.DEVNULL)
            try:
                process.wait(START_S)
            finally:
                subprocess.run([*runc, "delete", "--force", name], check=False, stderr=subprocess.DEVNULL)


def test_programs_run_in_it(tmp_path, leaves_nothing):
    socket = tmp_path / "run" / "socket"
    socket.parent.mkdir()
    bundle(tmp_path, socket)
    with container(tmp_path) as process:
        first = process.stdout.readline()
        assert first.startswith("listening on "), process.stderr.read()
        with SandboxClient(f"unix:{socket}") as client:
            hello = client.execute(python("print('hello')"))
            compiled = client.execute(
                pb.ExecuteRequest(source=pb.Source(language="c", code=b"int main(void) { return 3; }"))
            )
            memory = client.execute(python("x = bytearray(256 << 20)", limits=pb.Limits(memory_bytes=64 << 20)))
            forks = client.execute(command("sh", "-c", "sleep 1 & sleep 1 & wait", limits=pb.Limits(processes=2)))

    assert (pb.VERDICT_OK, b"hello\n") == (hello.verdict, hello.run.stdout.data)
    assert (pb.VERDICT_NONZERO_EXIT, 3) == (compiled.verdict, compiled.run.exit_code)
    assert pb.VERDICT_MEMORY_LIMIT == memory.verdict
    assert pb.VERDICT_PROCESS_LIMIT == forks.verdict
    assert 0 == process.returncode


@pytest.mark.parametrize("capability", ["CAP_SYS_ADMIN", "CAP_MKNOD", "CAP_SYS_PTRACE"])
def test_with_less_it_does_not_start(tmp_path, leaves_nothing, capability):
    socket = tmp_path / "run" / "socket"
    socket.parent.mkdir()
    bundle(tmp_path, socket, without=(capability,))
    with container(tmp_path) as process:
        assert "" == process.stdout.readline()
        assert f"privileges: missing {capability}" in process.stderr.read()
