"""What is attacked: a server as users start it, inside the guard, with bait around it, and what can be seen of both.

Bait is what a program must not get at: it tries, and what it would find is there. Its places are in the program's
environment: BAIT_TCP, a port on the host's loopback; BAIT_ABSTRACT, a Unix socket without a file; BAIT_FILE, a file;
BAIT_PID, a process; BAIT_SHM, a System V shared memory segment's key. In the server's environment, and nowhere else, is
a secret, the canary.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import secrets
import socket
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import grpc

from sandboxd.attack.guard import Guard
from sandboxd.attack.program import Rights
from sandboxd.client import SandboxClient
from sandboxd.client.client import short_name
from sandboxd.client.server import ServerProcess, serving
from sandboxd.linux import procfs, user_namespace
from sandboxd.v1 import execution_service_pb2 as pb

CANARY_PREFIX = "sandboxd-canary-"
STEADY_POOL = 4
"""Spare containers of the server, whatever is asked of it: one that came and went by demand would seem to be left, or gone."""
_WANTED = 1000
"""Of each kind, which is far more: so that each has the same part of them, whatever is asked of it."""
_CONTENT = b"bait\n"
_POLL_S = 0.02
_HOLD_S = 0.1
_TIMEOUT_S = 120
_OFTEN = 8
_COMPLAINTS = 5
_FIRST_ID = 65536  # uid_base is no less
_IPC_CREAT, _IPC_EXCL, _IPC_RMID = 0o1000, 0o2000, 0
_libc = ctypes.CDLL(None, use_errno=True)


class Broken(Exception):
    """The server does not run even ``true``. The message says why."""


@dataclass(frozen=True)
class Bait:
    """What lies on the host for programs to reach for, by name of its variable."""

    canary: str
    places: Mapping[str, str]
    owner_and_mode: tuple[int, int, int]
    sleeper: subprocess.Popen[bytes]
    listeners: Sequence[socket.socket]

    def taken(self) -> Iterator[str]:
        """Say what a program has got at."""
        for listener in self.listeners:
            with contextlib.suppress(BlockingIOError):
                listener.accept()[0].close()
                yield f"it connected to the host's {listener.getsockname()!r}"
        file = Path(self.places["BAIT_FILE"])
        if not file.is_file() or file.read_bytes() != _CONTENT or _owner_and_mode(file) != self.owner_and_mode:
            yield f"it changed the host's {file}"
        if self.sleeper.poll() is not None:
            yield f"it ended a process of the host's: {self.sleeper.returncode}"


@contextlib.contextmanager
def baited() -> Iterator[Bait]:
    """Lay bait, and take it away."""
    with contextlib.ExitStack() as stack:
        directory = stack.enter_context(tempfile.TemporaryDirectory(prefix="sandboxd-bait-"))
        file = Path(directory, "bait")
        file.write_bytes(_CONTENT)
        file.chmod(0o666)
        Path(directory).chmod(0o777)
        abstract = f"sandboxd-bait-{os.getpid()}"
        listeners = [
            stack.enter_context(socket.create_server(("127.0.0.1", 0))),
            stack.enter_context(socket.socket(socket.AF_UNIX)),
        ]
        listeners[1].bind(f"\0{abstract}")
        for listener in listeners:
            listener.listen()
            listener.setblocking(False)
        sleeper = stack.enter_context(subprocess.Popen(["sleep", "infinity"]))
        stack.callback(sleeper.kill)
        key, segment = _make_segment()
        stack.callback(_libc.shmctl, segment, _IPC_RMID, None)
        places = {
            "BAIT_TCP": str(listeners[0].getsockname()[1]),
            "BAIT_ABSTRACT": abstract,
            "BAIT_FILE": str(file),
            "BAIT_PID": str(sleeper.pid),
            "BAIT_SHM": str(key),
        }
        yield Bait(CANARY_PREFIX + secrets.token_hex(16), places, _owner_and_mode(file), sleeper, listeners)


@dataclass(frozen=True)
class Target:
    """A server under attack."""

    server: ServerProcess
    client: SandboxClient
    bait: Bait
    guard: Guard
    policy: str
    temporary: Path
    rights: Rights

    def seen(self) -> Counter[str]:
        """Count what there is of everything that an attack could leave behind."""
        (launcher,) = self.server.children()
        inside = self.guard.snapshot()
        return Counter(
            {
                "processes": len(inside.processes),
                "groups": len(inside.groups),
                "mounts of the host": len(inside.mounts),
                "mounts of the launcher": len(Path(f"/proc/{launcher}/mountinfo").read_text().splitlines()),
                "descriptors of the server": procfs.count_descriptors(self.server.pid),
                "descriptors of the launcher": procfs.count_descriptors(launcher),
                "temporary files": sum(len(files) for _, _, files in os.walk(self.temporary)),
                "IPC objects": sum(map(_foreign_objects, ("shm", "msg", "sem"))),
            }
        )

    def settled(self, within_s: float, hold_s: float = _HOLD_S) -> Counter[str]:
        """Return what is there when nothing runs. Spare containers are made by and by, so it is looked at until it holds."""
        deadline = time.monotonic() + within_s
        now, since = self.seen(), time.monotonic()
        while time.monotonic() < min(since + hold_s, deadline):
            time.sleep(_POLL_S)
            if (seen := self.seen()) != now:
                now, since = seen, time.monotonic()
        return now

    def left(self, before: Counter[str], within_s: float) -> list[str]:
        """Say what is more, or less, than before once it has settled, or after a while. Fewer descriptors are nothing that is left."""
        deadline = time.monotonic() + within_s
        while (left := _changes(before, self.seen())) and time.monotonic() < deadline:
            time.sleep(_POLL_S)
        if left:  # what it takes to find out why
            left += [*(f"now: {process}" for process in sorted(self.guard.snapshot().processes)), *self._complaints()]
        return left

    def _complaints(self) -> list[str]:
        """Return the last of what the server has warned of."""
        lines = self.server.log().splitlines()
        return [f"logged: {line}" for line in lines if '"level": "INFO"' not in line][-_COMPLAINTS:]

    def have_templates(self) -> None:
        """Have the server make what it makes for programs that are asked for again and again, before anything is counted."""
        source = pb.Source(language="python", code=b"")
        request = pb.ExecuteRequest(source=source, policy=self.policy, env=self.bait.places)
        with contextlib.suppress(grpc.RpcError):  # an image without Python has no programs that could wait for it
            for _ in range(_OFTEN):
                self.client.execute(request, timeout=_TIMEOUT_S)

    def latency_s(self) -> float:
        """Run ``true``; returns how long the call took. Broken where it does not succeed."""
        begun = time.monotonic()
        try:
            response = self.client.execute(_true(self.policy), timeout=_TIMEOUT_S)
        except grpc.RpcError as error:
            raise Broken(f"{error.code().name}: {error.details()}") from error
        if response.verdict != pb.VERDICT_OK:
            raise Broken(f"{short_name(response.verdict, pb.Verdict)}: {response.run.detail}")
        return time.monotonic() - begun


@contextlib.contextmanager
def attacked(
    *flags: str,
    policy: str = "",
    env: Mapping[str, str] | None = None,
    under: Sequence[str] = (),
    rights: Rights | None = None,
    guard: Guard,
    patience: float = 1.0,
) -> Iterator[Target]:
    """Start a server inside a guard that is entered already, ``under`` a command that executes it, and warm it up. Its pool is steady.

    ``rights`` are those that it has by then, by default this process's own.
    """
    pool = str(STEADY_POOL)
    with (
        baited() as bait,
        tempfile.TemporaryDirectory(prefix="sandboxd-attack-") as temporary,
        serving(
            *("--listen", f"unix:{temporary}/socket", "--pool-min", str(_WANTED), "--pool-max", pool, *flags),
            env={"TMPDIR": temporary, "CANARY": bait.canary, **(env or {})},
            under=under,
            patience=patience,
        ) as server,
        SandboxClient(server.address) as client,
    ):
        target = Target(server, client, bait, guard, policy, Path(temporary), rights or _own_rights())
        target.latency_s()
        yield target


def _changes(before: Counter[str], now: Counter[str]) -> list[str]:
    return [
        f"{what}: {now[what]}, and {count} before"
        for what, count in before.items()
        if now[what] > count or (now[what] < count and not what.startswith("descriptors"))
    ]


def _own_rights() -> Rights:
    """Return what this process is."""
    if user_namespace.is_initial():
        return Rights.ROOT
    return Rights.SUBORDINATE_IDS if user_namespace.has_several_ids() else Rights.ONE_ID


def _true(policy: str) -> pb.ExecuteRequest:
    return pb.ExecuteRequest(command=pb.Command(argv=["true"]), policy=policy)


def _owner_and_mode(file: Path) -> tuple[int, int, int]:
    status = file.stat()
    return status.st_uid, status.st_gid, status.st_mode


def _foreign_objects(kind: str) -> int:
    """Count System V objects of the host that a container's ids own."""
    head, *objects = Path(f"/proc/sysvipc/{kind}").read_text().splitlines()
    owner = head.split().index("uid")
    first = _FIRST_ID if user_namespace.is_initial() else 1
    return sum(int(line.split()[owner]) >= first for line in objects)


def _make_segment() -> tuple[int, int]:
    """Make a System V shared memory segment that everybody may read; returns its key and identifier."""
    key = secrets.randbelow(1 << 30) + 1
    segment = _libc.shmget(key, 4096, _IPC_CREAT | _IPC_EXCL | 0o666)
    if segment < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return key, segment
