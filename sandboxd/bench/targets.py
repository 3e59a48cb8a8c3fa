"""What is aimed at, as ratios of figures of one run, and whether it was met. Pure."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from sandboxd.bench.figures import Row

Rows = Mapping[str, Row]
_MOST_OF_CPU_TIME = 0.03
_MOST_OF_CPU_TIME_MS = 1.0
_TRUE_PER_SECOND = 300.0
_OF_THE_FLOORS_RATE = 0.6


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A bound on one number. ``measured`` raises KeyError where a row that it takes is missing."""

    measure: str
    bound: float
    at_least: bool = False
    unit: str = ""
    measured: Callable[[Rows], float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """A target beside what was measured: None where it was not."""

    target: Target
    measured: float | None

    @property
    def met(self) -> bool | None:
        """Whether it holds; None where nothing was measured."""
        if self.measured is None:
            return None
        return self.measured >= self.target.bound if self.target.at_least else self.measured <= self.target.bound

    @property
    def verdict(self) -> str:
        """``met``, or by how much it was missed, or ``not measured``."""
        if self.measured is None:
            return "not measured"
        if self.met:
            return "met"
        factor = self.target.bound / self.measured if self.target.at_least else self.measured / self.target.bound
        return f"missed by a factor of {factor:.2f}"


def judge(rows: Rows) -> Sequence[Judgement]:
    """Hold every target against a run."""
    return [Judgement(target=target, measured=_measured(target, rows)) for target in TARGETS]


def _measured(target: Target, rows: Rows) -> float | None:
    try:
        return target.measured(rows)
    except KeyError:
        return None


def _ratio(name: str, base: str) -> Callable[[Rows], float]:
    return lambda rows: rows[name].p50 / rows[base].p50


def _tail_of_python(rows: Rows) -> float:
    tail = rows["python/warm"].p99
    if tail is None:
        raise KeyError("python/warm")
    return tail / rows["python/bare"].p50


def _true_of_spawn_and_echo(rows: Rows) -> float:
    return rows["true/pool"].p50 / (rows["true/bare"].p50 + rows["echo"].p50)


def _true_rate(rows: Rows) -> float:
    """Return the rate in what it must be: 300 a second or 0.6 of the floor's, whichever is more."""
    wanted = max(_TRUE_PER_SECOND, _OF_THE_FLOORS_RATE * rows["rate/true-floor"].p50)
    return rows["rate/true"].p50 / wanted


def _cpu_time_error(rows: Rows) -> float:
    """Return how far the CPU time that is told is from the kernel's own, in what is allowed: 3 % or 1 ms, whichever is more.

    That is the median of pairs that ran one after the other. From second to second one program's time changes by more than is allowed.
    """
    pairs = zip(rows["cpu/told"].samples, rows["cpu/getrusage"].samples, strict=True)
    return abs(
        statistics.median((told - own) / max(_MOST_OF_CPU_TIME * own, _MOST_OF_CPU_TIME_MS) for told, own in pairs)
    )


TARGETS: Sequence[Target] = (
    Target(
        measure="Python hello, warm, p50, of bare p50",
        bound=0.25,
        measured=_ratio("python/warm", "python/bare"),
    ),
    Target(
        measure="Python hello, warm, p99, of bare p50",
        bound=0.6,
        measured=_tail_of_python,
    ),
    Target(
        measure="Python hello, 16 in flight, of bare loops on every core",
        bound=2.0,
        at_least=True,
        measured=_ratio("rate/python", "rate/python-bare"),
    ),
    Target(
        measure="/bin/true from the pool, p50, of bare fork+exec plus an echo",
        bound=2.0,
        measured=_true_of_spawn_and_echo,
    ),
    Target(
        measure="/bin/true cold without gRPC, of the floor in C",
        bound=1.3,
        measured=_ratio("true/embedded", "true/floor"),
    ),
    Target(
        measure="/bin/true cold without gRPC, of bubblewrap",
        bound=0.8,
        measured=_ratio("true/embedded", "true/bubblewrap"),
    ),
    Target(
        measure="/bin/true cold without gRPC, of nsjail",
        bound=0.4,
        measured=_ratio("true/embedded", "true/nsjail"),
    ),
    Target(
        measure="/bin/true cold without gRPC, of runc",
        bound=0.15,
        measured=_ratio("true/embedded", "true/runc"),
    ),
    Target(
        measure="/bin/true, 16 in flight, of 300 a second or 0.6 of the floor's",
        bound=1.0,
        at_least=True,
        measured=_true_rate,
    ),
    Target(
        measure="memory of a Python container that waits, MiB",
        bound=1.5,
        unit="MiB",
        measured=lambda rows: rows["memory/idle"].p50,
    ),
    Target(
        measure="p50 with many live containers, of that with one",
        bound=1.2,
        measured=_ratio("live/many", "live/one"),
    ),
    Target(
        measure="stdout streamed, of a pipe read by asyncio",
        bound=0.5,
        at_least=True,
        measured=_ratio("stream/execute", "stream/pipe"),
    ),
    Target(
        measure="error of the CPU time told, of 3 % or 1 ms",
        bound=1.0,
        measured=_cpu_time_error,
    ),
)
"""docs/performance.md has what came of them."""
