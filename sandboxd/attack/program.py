"""An attack: one hostile program, whose header says what it tries and how it must end.

The header is TOML in the comment at the head of the file::

    # attack = "fills the buffers of pipes that nobody reads"
    # threats = [6]
    # limits = { memory_bytes = "48MiB" }
    # outcome = "MEMORY_LIMIT"

What an attack prints is part of its outcome. A line that begins with ESCAPED says that a wall did not hold.
"""

from __future__ import annotations

import enum
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
from google.protobuf import json_format
from google.protobuf.duration_pb2 import Duration

from sandboxd.client.client import short_name
from sandboxd.units import parse_bytes
from sandboxd.v1 import execution_service_pb2 as pb

ESCAPED = b"ESCAPED"
_COMMENT = {".py": "#", ".sh": "#", ".c": "//"}
_LANGUAGES = {".py": "python", ".sh": "bash", ".c": "c"}
_LIBRARY = {".py": "attack.py", ".c": "attack.h"}
"""What attacks in one language share; it lies beside them in the workspace."""
_CPU_TIME_S, _WALL_TIME_S = 10, 30  # of policies/default.toml


class InvalidAttack(Exception):
    """The message names the program and the key."""


class Layer(enum.StrEnum):
    """A wall that can be missing while the others stand."""

    USER_NAMESPACE = "user namespace"
    CAPABILITIES = "capabilities"
    SECCOMP = "seccomp"
    READ_ONLY_ROOT = "read-only root"
    NETWORK_NAMESPACE = "network namespace"
    CGROUP = "cgroup"
    LANDLOCK = "landlock"


class Rights(enum.StrEnum):
    """What a server can be on its host, the most first."""

    ROOT = "root"
    SUBORDINATE_IDS = "subordinate ids"
    ONE_ID = "one id"


class Header(msgspec.Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """What a program's header says."""

    attack: str
    """What it tries, in a few words."""
    threats: list[int]
    """Numbers of docs/attacks.md."""
    outcome: str
    """The verdict, without VERDICT_."""
    exit_code: int | None = None
    signal: int | None = None
    cause: str = ""
    """Field of the limit that ended it."""
    blocked_syscall: str = ""
    stdout: str | None = None
    """All that it prints. None: it does not matter, or cannot be known."""
    files: list[str] | None = None
    """Paths of all files that come back."""
    skipped: dict[str, str] | None = None
    """Paths that matched and do not come back, with the reason."""
    limits: dict[str, str | int | float] = {}
    compile_limits: dict[str, str | int | float] = {}
    """Fields of sandboxd.v1.Limits; sizes and durations as text."""
    collect: list[str] = []
    args: list[str] = []
    env: dict[str, str] = {}
    stdin: str = ""
    tty: bool = False
    before: str = ""
    """A program of the suite that runs to its end first."""
    beside: str = ""
    """A program of the suite that runs meanwhile, and must end as its own header says."""
    needs: Rights = Rights.ONE_ID
    """The least that a server must be to hold against it: docs/security.md says why."""
    caught_by: list[Layer] = []
    """Layers each of which alone holds against it. Empty: not tried without one."""


class Attack:
    """A program with its header. InvalidAttack when the header is wrong."""

    def __init__(self, path: Path, name: str) -> None:
        self.name = name
        self._path = path
        try:
            comment = "\n".join(_comment(path.read_text("utf-8"), _COMMENT[path.suffix]))
            self.header = msgspec.convert(tomllib.loads(comment), Header)
            self._limits = _limits(self.header.limits)
            self._compile_limits = _limits(self.header.compile_limits)
            self.verdict = pb.Verdict.Value(f"VERDICT_{self.header.outcome}")
        except (ValueError, RecursionError, json_format.ParseError) as error:  # of TOML, msgspec, a size, a verdict
            raise InvalidAttack(f"{name}: {error}") from error

    def request(self, policy: str, env: dict[str, str], patience: float = 1.0) -> pb.ExecuteRequest:
        """Return the submission. ``env`` tells it where its bait is.

        An attack that names no limit of time ends by another. On a machine that is slow, ``patience`` above 1, it must have
        the time to get there: so many times what it has by the policies that sandboxd ships.
        """
        header, suffix = self.header, self._path.suffix
        main = f"main{suffix}"
        files = [pb.File(path=main, content=self._path.read_bytes())]
        if library := _LIBRARY.get(suffix):
            files.append(pb.File(path=library, content=(self._path.parents[1] / "lib" / library).read_bytes()))
        source = pb.Source(language=_LANGUAGES[suffix], files=files, entrypoint=main, args=header.args)
        return pb.ExecuteRequest(
            request_id=self.name,
            source=source,
            stdin=header.stdin.encode(),
            env={**env, **header.env},
            limits=_in_time(self._limits, patience),
            compile_limits=_in_time(self._compile_limits, patience),
            policy=policy,
            collect=header.collect,
            tty=header.tty,
        )

    def differences(self, response: pb.ExecuteResponse) -> Iterator[str]:
        """Say in what an answer is not what the header promises."""
        header, run = self.header, response.run if response.HasField("run") else response.compile
        if response.verdict != self.verdict:
            yield f"verdict {short_name(response.verdict, pb.Verdict)}: {run.detail}"
        pairs: list[tuple[str, Any, Any]] = [
            ("exit code", header.exit_code, run.exit_code),
            ("signal", header.signal, run.signal),
            ("cause", header.cause or None, run.cause.limit),
            ("blocked call", header.blocked_syscall or None, run.blocked_syscall),
            ("stdout", header.stdout, run.stdout.data.decode(errors="backslashreplace")),
            ("files", header.files, [file.path for file in response.files]),
            ("skipped files", header.skipped, {file.path: file.reason for file in response.skipped_files}),
        ]
        yield from (f"{what} {seen!r}" for what, promised, seen in pairs if promised is not None and promised != seen)


def escapes(response: pb.ExecuteResponse, canary: bytes) -> Iterator[str]:
    """Say where an answer shows that a wall did not hold, whatever the header promises."""
    if response.fault_domain == pb.FAULT_DOMAIN_PLATFORM:
        yield f"a fault of the platform: {response.run.detail}"
    phase = response.run if response.HasField("run") else response.compile
    for output in (phase.stdout.data, phase.stderr.data):
        yield from (line.decode(errors="backslashreplace") for line in output.splitlines() if line.startswith(ESCAPED))
    if any(
        canary in content for content in (phase.stdout.data, phase.stderr.data, *(f.content for f in response.files))
    ):
        yield "a secret of the host's came back"


def load_suite(directory: Path) -> dict[str, Attack]:
    """Return all attacks by name, such as ``memory/pipes``. InvalidAttack names the one that is wrong."""
    paths = [path for path in directory.glob("*/*") if path.suffix in _COMMENT and path.parent.name != "lib"]
    suite = {name: Attack(path, name) for path in sorted(paths) for name in [f"{path.parent.name}/{path.stem}"]}
    for attack in suite.values():
        for other in filter(None, (attack.header.before, attack.header.beside)):
            if other not in suite:
                raise InvalidAttack(f"{attack.name}: there is no {other!r}")
    return suite


def default_directory() -> Path:
    """Return the attacks that sandboxd ships: inside an installed package, or in the tests of a checkout."""
    package = Path(__file__).resolve().parents[1]
    packaged = package / "_data" / "attacks"
    return packaged if packaged.is_dir() else package.parent / "tests" / "hostile" / "programs"


def _comment(text: str, mark: str) -> Iterator[str]:
    """Yield the lines of the comment at the head of a file."""
    for line in text.splitlines():
        if not line.startswith(mark):
            return
        yield line.removeprefix(mark).removeprefix(" ")


def _limits(fields: dict[str, str | int | float]) -> pb.Limits:
    values = {
        name: parse_bytes(value) if name.endswith("_bytes") and isinstance(value, str) else value
        for name, value in fields.items()
    }
    return json_format.ParseDict(values, pb.Limits())


def _in_time(limits: pb.Limits, patience: float) -> pb.Limits:
    if patience <= 1 or limits.HasField("cpu_time") or limits.HasField("wall_time"):
        return limits
    longer = pb.Limits(
        cpu_time=Duration(seconds=int(_CPU_TIME_S * patience)), wall_time=Duration(seconds=int(_WALL_TIME_S * patience))
    )
    longer.MergeFrom(limits)
    return longer
