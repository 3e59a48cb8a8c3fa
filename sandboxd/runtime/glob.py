"""Globs over paths: ``*``, ``?`` and ``[...]`` stay within a name, ``**`` as a whole name crosses directories.

A path is matched name by name while a tree is walked, so that what cannot match is never entered. The time grows with
names and patterns alone: within a name fnmatch's expressions do not backtrack, and between names a set of places is
kept instead of trying one after another. A pattern that took long would hold the interpreter, and so the whole server.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable

Places = frozenset[int]
"""How far a pattern has come: the names that may be next; one past the last is a match."""


class Glob:
    """One pattern."""

    def __init__(self, pattern: str) -> None:
        self._names: list[Callable[[str], object] | None] = [
            None if name == "**" else re.compile(fnmatch.translate(name)).match for name in pattern.split("/")
        ]
        self._end = len(self._names)
        self.start = self._spread({0})

    def enter(self, places: Places, name: str) -> Places:
        """Return where the pattern is behind one more name of a path."""
        reached = set()
        for place in places:
            if place == self._end:
                continue
            test = self._names[place]
            if test is None:
                reached |= {place, place + 1} if place == self._end - 1 else {place}
            elif test(name):
                reached.add(place + 1)
        return self._spread(reached)

    def matches(self, places: Places) -> bool:
        """Whether the whole pattern has been met."""
        return self._end in places

    def goes_on(self, places: Places) -> bool:
        """Whether something below could still meet it."""
        return any(place < self._end for place in places)

    def _spread(self, places: set[int]) -> Places:
        """Add what ``**`` may pass over: no name at all, unless it is the last, which stands for what is below."""
        for place in sorted(places):
            following = place
            while following < self._end - 1 and self._names[following] is None:
                following += 1
                places.add(following)
        return frozenset(places)
