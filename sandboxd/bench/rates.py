"""Throughput: many calls in flight from one separate client, against as many bare loops as there are cores.

They take turns, a round each of all, and a row's samples are the rates of its rounds. Of the same rounds there are rows of
cost: the CPU time of the processes that did the work, by execution.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sandboxd.bench import programs, turns
from sandboxd.bench.cost import cpu_ms
from sandboxd.bench.figures import Row
from sandboxd.bench.turns import Broken, TurnTaker

IN_FLIGHT = 16


class LoadClient:
    """The client process: ``load``."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def order(self, **order: Any) -> dict[str, Any]:
        """Give an order, and wait for its answer. Broken where it was not obeyed, or the client ends instead."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise Broken(f"the client process ended with status {self._process.wait()}")
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise Broken(answer["error"])
        return answer


@contextlib.contextmanager
def load_client(address: str) -> Iterator[LoadClient]:
    """Start the client process."""
    with subprocess.Popen(
        turns.python("load", address), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            yield LoadClient(process)
        finally:
            assert process.stdin is not None
            with contextlib.suppress(BrokenPipeError):
                process.stdin.close()
            process.wait()


@dataclass(frozen=True, slots=True, kw_only=True)
class Loop:
    """Something whose rate is measured: ``round`` does the work ``count`` times, and returns the seconds and the starts."""

    name: str
    """Of its rows: after ``rate/`` and ``cost/``."""
    about: str
    count: int
    round: Callable[[int], tuple[float, Counter[str]]]
    workers: Callable[[], Sequence[int]]
    """Names the processes that do the work; none where they are not ours to look at."""
    against: str = ""
    cost_against: str = ""


def calls(client: LoadClient, kind: str) -> Callable[[int], tuple[float, Counter[str]]]:
    """Return a round of calls from the client process."""

    def round_of(count: int) -> tuple[float, Counter[str]]:
        answer = client.order(what=kind, count=count, in_flight=IN_FLIGHT)
        return answer["ns"] / 1e9, Counter(answer["starts"])

    return round_of


def side_by_side(takers: Sequence[TurnTaker]) -> Callable[[int], tuple[float, Counter[str]]]:
    """Return a round in which processes share the work, each with a loop of its own."""

    def round_of(count: int) -> tuple[float, Counter[str]]:
        shares = [count // len(takers) + (number < count % len(takers)) for number in range(len(takers))]
        began = time.perf_counter_ns()
        for taker, share in zip(takers, shares, strict=True):
            taker.begin(share)
        for taker, share in zip(takers, shares, strict=True):
            for _ in range(share):
                taker.result()
        return (time.perf_counter_ns() - began) / 1e9, Counter()

    return round_of


def measure(
    loops: Sequence[Loop], rounds: int, skip: Callable[[str, str], None], told: Callable[[str], None]
) -> Iterator[Row]:
    """Let them take turns, after one that does not count, and yield their rows; ``skip`` is told of those whose first one fails."""
    ready = []
    for loop in loops:
        told(f"throughput: {loop.about}")
        try:
            loop.round(loop.count)
        except Broken as error:
            skip(loop.name, str(error))
        else:
            ready.append(loop)
    samples = {loop.name: _Samples() for loop in ready}
    for number in range(rounds):
        told(f"throughput: round {number + 1} of {rounds}")
        for loop in ready:
            samples[loop.name].take(loop)
    for loop in ready:
        yield from samples[loop.name].rows(loop)


class _Samples:
    """What is known of a loop."""

    def __init__(self) -> None:
        self._rates: list[float] = []
        self._costs: list[float] = []
        self._starts: Counter[str] = Counter()

    def take(self, loop: Loop) -> None:
        """Do a round."""
        workers = loop.workers()
        before_ms = cpu_ms(workers)
        seconds, starts = loop.round(loop.count)
        if workers:
            self._costs.append((cpu_ms(workers) - before_ms) / loop.count)
        self._rates.append(loop.count / seconds)
        self._starts += starts

    def rows(self, loop: Loop) -> Iterator[Row]:
        """Return the rate's row, and the cost's where it can be known."""
        note = programs.describe_starts(list(self._starts.elements())) if self._starts else ""
        against = f"rate/{loop.against}" if loop.against else ""
        yield Row(
            name=f"rate/{loop.name}", about=loop.about, unit="/s", samples=self._rates, against=against, note=note
        )
        if self._costs:
            against = f"cost/{loop.cost_against}" if loop.cost_against else ""
            about = f"CPU time of one: {loop.about}"
            yield Row(name=f"cost/{loop.name}", about=about, unit="ms", samples=self._costs, against=against, note=note)
