"""Globs over paths: ``*``, ``?`` and ``[...]`` stay within a name, ``**`` as a whole name crosses directories.

A path is matched name by name while a tree is walked, so that what cannot match is never entered. The time grows with
names and patterns alone: within a name fnmatch's expressions do not backtrack, and between names a set of places is
kept instead of trying one after another. A pattern that took long would hold the interpreter, and so the whole server:
whoever walks a tree can count beforehand what a name takes, in steps of less than a microsecond.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable

Places = frozenset[int]
"""How far a pattern has come: the names that may be next; one past the last is a match."""


_WILD = re.compile(r"[*?\[]")
_COMPILING_STEPS = 4  # a character
# An expression may be tried at each character of a name: so many pairs of characters take no longer than a place does.
_PAIRS_A_STEP = 256


class Glob:
    """One pattern."""

    def __init__(self, pattern: str) -> None:
        self._names: list[str] = []
        for name in pattern.split("/"):
            if name != "**" or self._names[-1:] != ["**"]:  # two say no more than one, and would be two places
                self._names.append(name)
        self._end = len(self._names)
        self._lengths = [len(name) if name != "**" and _WILD.search(name) else 0 for name in self._names] + [0]
        """Of names that are no plain texts."""
        self._tests: dict[int, Callable[[str], object]] = {
            place: name.__eq__ for place, name in enumerate(self._names) if not self._lengths[place]
        }
        self.start = self._spread({0})

    def compile(self, places: Places) -> int:
        """Make ready to enter names from these places; returns how many steps that took."""
        missing = [place for place in places if place < self._end and place not in self._tests]
        for place in missing:
            self._compile(place)
        return _COMPILING_STEPS * sum(self._lengths[place] for place in missing)

    def length(self, places: Places) -> int:
        """Return how many characters of the pattern a name is held against at these places, but for plain texts."""
        return sum(self._lengths[place] for place in places)

    def enter(self, places: Places, name: str) -> Places:
        """Return where the pattern is behind one more name of a path."""
        reached = set()
        for place in places:
            if place == self._end:
                continue
            if self._names[place] == "**":
                reached |= {place, place + 1} if place == self._end - 1 else {place}
            elif (self._tests.get(place) or self._compile(place))(name):
                reached.add(place + 1)
        return self._spread(reached)

    def matches(self, places: Places) -> bool:
        """Whether the whole pattern has been met."""
        return self._end in places

    def goes_on(self, places: Places) -> bool:
        """Whether something below could still meet it."""
        return any(place < self._end for place in places)

    def _compile(self, place: int) -> Callable[[str], object]:
        test = self._tests[place] = re.compile(fnmatch.translate(self._names[place])).match
        return test

    def _spread(self, places: set[int]) -> Places:
        """Add what ``**`` may pass over: no name at all, unless it is the last, which stands for what is below."""
        return frozenset(
            places.union(place + 1 for place in places if place < self._end - 1 and self._names[place] == "**")
        )


def steps(looks: int, length: int, name: str) -> int:
    """Return how many steps a name takes that is looked at in so many places, against so many characters in all."""
    return looks + length * len(name) // _PAIRS_A_STEP
