"""``make demo``: a server, a dozen programs over real gRPC, a table, and nothing left behind.

It ends with status 1 when a program did not come to its expected end, or anything of the server's is left.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sandboxd.cli.connect import printable
from sandboxd.client import SandboxClient
from sandboxd.client.client import duration, short_name
from sandboxd.client.server import ServerFailed, ServerProcess, serving
from sandboxd.v1 import execution_service_pb2 as pb

MIB = 1 << 20
_FIRST_LINE = 44

_FORK_BOMB = """\
import os, time
for _ in range(200):  # bounded: were there no limit, nothing would happen either
    if os.fork() == 0:
        time.sleep(5)
        os._exit(0)
"""
_KEXEC_LOAD = "import ctypes; ctypes.CDLL(None).syscall(246, 0, 0, 0, 0)"
_NETWORK = """\
import socket
try:
    socket.create_connection(("192.0.2.1", 80), timeout=1)
    print("ESCAPED")
except OSError as error:
    print(error.strerror)
"""
_C_PROGRAM = '#include <stdio.h>\nint main(void) { puts("hello from C, compiled in another container"); return 0; }\n'


@dataclass(frozen=True)
class Show:
    """A program of the demo, and how it must end."""

    title: str
    verdict: int
    request: pb.ExecuteRequest
    first_line: str | None = None
    files: list[str] = field(default_factory=list)


def python(code: str, **options: Any) -> pb.ExecuteRequest:
    """Return a request for a Python program."""
    return pb.ExecuteRequest(source=pb.Source(language="python", code=code.encode()), **options)


SHOWS = (
    Show("a Python program", pb.VERDICT_OK, python("print('hello from Python')"), "hello from Python"),
    Show(
        "a C program",
        pb.VERDICT_OK,
        pb.ExecuteRequest(source=pb.Source(language="c", code=_C_PROGRAM.encode())),
        "hello from C, compiled in another container",
    ),
    Show(
        "echo of stdin",
        pb.VERDICT_OK,
        pb.ExecuteRequest(command=pb.Command(argv=["cat"]), stdin=b"what came in\n"),
        "what came in",
    ),
    Show(
        "over its memory",
        pb.VERDICT_MEMORY_LIMIT,
        python("x = bytearray(500 << 20)", limits=pb.Limits(memory_bytes=64 * MIB)),
    ),
    Show(
        "spinning",
        pb.VERDICT_CPU_TIME_LIMIT,
        python("while True: pass", limits=pb.Limits(cpu_time=duration(500_000_000))),
    ),
    Show(
        "sleeping",
        pb.VERDICT_WALL_TIME_LIMIT,
        python("import time; time.sleep(60)", limits=pb.Limits(wall_time=duration(500_000_000))),
    ),
    Show("a fork bomb", pb.VERDICT_PROCESS_LIMIT, python(_FORK_BOMB, limits=pb.Limits(processes=16))),
    Show(
        "flooding stdout",
        pb.VERDICT_OUTPUT_LIMIT,
        python("while True: print('flood ' * 1000)", limits=pb.Limits(output_bytes=64 * 1024)),
    ),
    Show("the network", pb.VERDICT_OK, python(_NETWORK), "Network is unreachable"),
    Show("a forbidden call", pb.VERDICT_SECURITY_VIOLATION, python(_KEXEC_LOAD)),
    Show(
        "returning a file",
        pb.VERDICT_OK,
        python("open('answer.txt', 'w').write('42\\n')", collect=["*.txt"]),
        files=["answer.txt"],
    ),
)


def main() -> int:
    """Run the demo."""
    try:
        with serving() as server:
            with SandboxClient(server.address) as client:
                failures = show_all(client)
            cgroups = _cgroups_of(server)
    except ServerFailed as error:
        raise SystemExit(str(error)) from error
    failures += _left_behind(server.pid, cgroups)
    for failure in failures:
        print(f"FAILED: {failure}", file=sys.stderr)
    if not failures:
        print("\nthe server has stopped; no process, mount or cgroup of it is left")
    return 1 if failures else 0


def show_all(client: SandboxClient) -> list[str]:
    """Run every program, print its line, and return what did not end as it must."""
    print(f"{'program':<18}{'verdict':<20}{'exit':>6}{'cpu':>9}{'wall':>9}{'memory':>11}  first line of output")
    failures = []
    for show in SHOWS:
        response = client.execute(show.request)
        first = _print(show, response)
        if response.verdict != show.verdict:
            failures.append(f"{show.title}: {short_name(response.verdict, pb.Verdict)}: {response.run.detail}")
        elif show.first_line is not None and first != show.first_line:
            failures.append(f"{show.title}: printed {first!r}")
        elif [file.path for file in response.files] != show.files:
            failures.append(f"{show.title}: returned {[file.path for file in response.files]}")
    return failures


def _print(show: Show, response: pb.ExecuteResponse) -> str:
    run = response.run
    exit_ = str(run.exit_code) if run.HasField("exit_code") else f"sig {run.signal}"
    lines = run.stdout.data.decode(errors="replace").splitlines()
    if response.files:
        lines = [f"{file.path}: {file.content.decode().strip()}" for file in response.files]
    first = lines[0] if lines else ""
    verdict = short_name(response.verdict, pb.Verdict)
    usage = run.usage
    note = f"({run.blocked_syscall})" if run.blocked_syscall else printable(first)[:_FIRST_LINE]
    print(
        f"{show.title:<18}{verdict:<20}{exit_:>6}"
        f"{usage.cpu_time.ToMilliseconds():>6} ms{usage.wall_time.ToMilliseconds():>6} ms"
        f"{usage.memory_peak_bytes / MIB:>7.1f} MiB  {note}"
    )
    return first


def _cgroups_of(server: ServerProcess) -> list[Path]:
    """Return the directories that the server's launcher has made for containers."""
    names = tuple(f"sandboxd.{child}." for child in server.children())
    # os.walk passes over what goes meanwhile: containers end.
    return [
        Path(above, name) for above, below, _ in os.walk("/sys/fs/cgroup") for name in below if name.startswith(names)
    ]


def _left_behind(pid: int, cgroups: list[Path]) -> list[str]:
    """Return what of a server that has stopped is still there."""
    left = [f"cgroup {path}" for path in cgroups if path.exists()]
    if not cgroups:
        left.append("the server's cgroups were not found")
    if os.path.exists(f"/proc/{pid}"):
        left.append(f"process {pid}")
    left += [
        f"mount {line.split()[4]}"
        for line in Path("/proc/self/mountinfo").read_text().splitlines()
        if "sandboxd" in line
    ]
    return left


if __name__ == "__main__":
    sys.exit(main())
