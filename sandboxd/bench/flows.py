"""Two figures that are not of latency: output that is streamed, and CPU time that is told. Each turn by turn with its measure."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from sandboxd.bench import programs
from sandboxd.bench.figures import Row
from sandboxd.bench.rates import LoadClient
from sandboxd.bench.turns import TurnTaker
from sandboxd.client import SandboxClient


def streams(client: LoadClient, rounds: int, told: Callable[[str], None]) -> Iterator[Row]:
    """Measure how fast a client sees the output of a program, by ExecuteStream and by a pipe of its own."""
    samples: dict[str, list[float]] = {"pipe": [], "stream": []}
    for number in range(rounds):
        told(f"streamed output: round {number + 1} of {rounds}")
        for what, rates in samples.items():
            answer = client.order(what=what)
            rates.append(answer["bytes"] / 2**20 / (answer["ns"] / 1e9))
    yield Row(
        name="stream/pipe", about="16 MiB of stdout, a pipe read by asyncio", unit="MiB/s", samples=samples["pipe"]
    )
    yield Row(
        name="stream/execute",
        about="16 MiB of stdout by ExecuteStream",
        unit="MiB/s",
        samples=samples["stream"],
        against="stream/pipe",
    )


def cpu_time(client: SandboxClient, bare: TurnTaker, rounds: int, told: Callable[[str], None]) -> Iterator[Row]:
    """Compare the CPU time that an answer tells with what the kernel tells whoever runs the same program bare.

    Started cold, so that both begin with the exec of the interpreter.
    """
    told_ms, own_ms = [], []
    for number in range(rounds):
        told(f"CPU time: round {number + 1} of {rounds}")
        own_ms.append(bare.take()[1] / 1e6)
        response = client.execute(programs.request("compute", warm=False))
        programs.check(response)
        told_ms.append(response.run.usage.cpu_time.ToNanoseconds() / 1e6)
    yield Row(name="cpu/getrusage", about="CPU time of a Python program, bare, getrusage", unit="ms", samples=own_ms)
    yield Row(
        name="cpu/told",
        about="the same as told in Usage",
        unit="ms",
        samples=told_ms,
        against="cpu/getrusage",
        note="start: COLD",
    )
