"""How many containers of one key are worth having ready: an estimate from what was asked for of late."""

from __future__ import annotations

import math

WINDOW_S = 60.0
"""What is wanted is the most that was wanted in this window and the last: it falls one to two windows after demand does."""
_BURST_S = 1.0  # what comes within about so long comes at one time
_SMOOTHING = 0.1  # of the time that making one takes
_MARGIN = 2.0  # standard deviations of a Poisson process: of 44 times that containers are missed, 43 have enough


class Demand:
    """Of one key. Whoever has it says which requests have a container, when one is asked for, and how long one takes to make.

    Two things need containers that are there already: requests that come at one time, of which the most that had
    containers at one time are a measure; and those that come while the next is being made, by their rate.
    """

    def __init__(self) -> None:
        self._in_use = 0
        self._rate_per_s = 0.0
        self._asked_s = 0.0
        self._make_s = 0.0
        self._most = self._most_before = 0

    @property
    def wanted(self) -> int:
        """How many should be ready."""
        return max(self._most, self._most_before)

    def begin(self) -> None:
        """Count a request that has a container now."""
        self._in_use += 1

    def end(self) -> None:
        """Count it no more. Some that end were begun before this was made: an estimate may lose them."""
        self._in_use = max(0, self._in_use - 1)

    def asked(self, now_s: float, waiting: int) -> None:
        """Take note that one is asked for, by one of so many requests that wait, for whatever key."""
        self._rate_per_s *= math.exp((self._asked_s - now_s) / _BURST_S)
        self._rate_per_s += 1 / _BURST_S
        self._asked_s = now_s
        came = math.ceil(self._rate_per_s * _BURST_S)
        at_once = min(self._in_use + waiting, came)  # what runs for long is not asked for again
        while_making = self._rate_per_s * self._make_s
        self._most = max(self._most, at_once, math.ceil(while_making + _MARGIN * math.sqrt(while_making)))

    def made(self, seconds: float) -> None:
        """Take note of how long one took."""
        self._make_s += (seconds - self._make_s) * (_SMOOTHING if self._make_s else 1)

    def turn(self) -> None:
        """Begin a new window."""
        self._most, self._most_before = 0, self._most
