"""Latencies, turn by turn: in every round each contender does its work once, in an order that chance gives.

So what one has left for the machine to do (containers that are made anew, namespaces that the kernel takes down) falls to
each of the others as often; and a pause lets most of it be done before the next. A slow contender has a turn only in
every so many rounds.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sandboxd.bench import programs
from sandboxd.bench.figures import Row
from sandboxd.bench.turns import Broken, TurnTaker

WARM_UP = 10
_PAUSE_S = 0.01  # there is no event for what the kernel does behind everybody's back
_SLOW_MS = 25.0
_ROUNDS_OF_SLOW = 5
_FEWEST_OF_SLOW = 20
_SEED = 4


@dataclass(slots=True, kw_only=True)
class Contender:
    """Something that does the work, and what is known of it by now."""

    name: str
    about: str
    turn: Callable[[], tuple[float, str]]
    """Does the work once; returns milliseconds, and what the program was started from or nothing."""
    against: str = ""
    note: str = ""
    rare: bool = False
    """Whether it has fewer turns where it is slow: it is there to be compared with, and would take most of the time."""
    samples: list[float] = field(default_factory=list)
    starts: list[str] = field(default_factory=list)

    def row(self) -> Row:
        """Return what was measured."""
        notes = [note for note in (self.note, programs.describe_starts(self.starts) if self.starts else "") if note]
        return Row(
            name=self.name,
            about=self.about,
            unit="ms",
            samples=self.samples,
            against=self.against,
            note="; ".join(notes),
        )


def timed(work: Callable[[], Any]) -> Callable[[], tuple[float, str]]:
    """Return the turn of something that is timed here; it may return an answer, whose start is noted."""

    def turn() -> tuple[float, str]:
        began = time.perf_counter_ns()
        answer = work()
        took = time.perf_counter_ns() - began
        if not programs.is_answer(answer):
            return took / 1e6, ""
        programs.check(answer)
        return took / 1e6, programs.start(answer)

    return turn


def reported(taker: TurnTaker) -> Callable[[], tuple[float, str]]:
    """Return the turn of a process that times itself."""
    return lambda: (taker.take()[0] / 1e6, "")


def measure(
    contenders: Sequence[Contender], rounds: int, skip: Callable[[str, str], None], told: Callable[[str], None]
) -> Sequence[Contender]:
    """Let them take turns; returns those that did. ``skip`` is told of those whose first turn fails, ``told`` how far it is."""
    ready, strides = [], {}
    for contender in contenders:
        try:
            took = min(contender.turn()[0] for _ in range(2))
        except Broken as error:
            skip(contender.name, str(error))
            continue
        ready.append(contender)
        slow = contender.rare and took > _SLOW_MS and rounds > _FEWEST_OF_SLOW
        strides[contender.name] = _ROUNDS_OF_SLOW if slow else 1
        if strides[contender.name] == 1:
            for _ in range(WARM_UP):
                contender.turn()
    chance = random.Random(_SEED)  # noqa: S311  (an order, not a secret)
    for number in range(rounds):
        told(f"latencies: round {number + 1} of {rounds}")
        for contender in chance.sample(ready, len(ready)):
            if number % strides[contender.name] == 0:
                time.sleep(_PAUSE_S)
                took, start = contender.turn()
                contender.samples.append(took)
                if start:
                    contender.starts.append(start)
    return ready
