"""What is run, everywhere the same: /bin/true, a Python program that says hello, one that writes, one that computes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from sandboxd.bench.turns import Broken
from sandboxd.client.client import short_name
from sandboxd.v1 import execution_service_pb2 as pb

TRUE = ("/bin/true",)
PYTHON = ("/usr/bin/python3", "main.py")
HELLO = "print('hello')\n"
COMPUTE = "print(sum(number * number for number in range(1_000_000)))\n"
WRITTEN_BYTES = 16 << 20  # the most output that the default policy allows
WRITER = ("/usr/bin/head", "-c", str(WRITTEN_BYTES), "/dev/zero")
_LONG = timedelta(hours=1)


def request(kind: str, *, warm: bool = True) -> pb.ExecuteRequest:
    """Return the request of a program: ``true``, ``python`` or ``compute``."""
    if kind == "true":
        return pb.ExecuteRequest(command=pb.Command(argv=TRUE), warm=warm)
    code = {"python": HELLO, "compute": COMPUTE}[kind]
    return pb.ExecuteRequest(source=pb.Source(language="python", code=code.encode()), warm=warm)


def writer() -> pb.ExecuteRequest:
    """Return the request of a program that writes as much as it may, as fast as it can."""
    return pb.ExecuteRequest(command=pb.Command(argv=WRITER), limits=pb.Limits(output_bytes=WRITTEN_BYTES))


def sleeper() -> pb.ExecuteRequest:
    """Return the request of a program that only lives."""
    limits = pb.Limits(wall_time=_LONG)
    return pb.ExecuteRequest(command=pb.Command(argv=("sleep", "infinity")), limits=limits)


def is_answer(value: object) -> bool:
    """Whether this is the answer to an execution."""
    return isinstance(value, pb.ExecuteResponse)


def check(response: pb.ExecuteResponse) -> None:
    """See that a program did its work. Broken where it did not: its time would be no figure."""
    if response.verdict != pb.VERDICT_OK:
        raise Broken(f"{short_name(response.verdict, pb.Verdict)}: {response.run.detail}")


def start(response: pb.ExecuteResponse) -> str:
    """Name what the program was started from."""
    return short_name(response.run.start, pb.Start)


def describe_starts(starts: Sequence[str]) -> str:
    """Say what programs were started from, the most frequent first, with how many where they differ."""
    kinds = sorted(set(starts), key=starts.count, reverse=True)
    if len(kinds) == 1:
        return f"start: {kinds[0]}"
    return "start: " + ", ".join(f"{kind} {starts.count(kind)}" for kind in kinds)
