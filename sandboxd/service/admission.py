"""Who may run now: a fixed number of slots, a bounded queue before them, first come first served."""

from __future__ import annotations

import asyncio
from collections import deque

from sandboxd.errors import Draining, Overloaded

_FIRST_GUESS_S = 1.0
_SMOOTHING = 0.1


class Admission:
    """Slots and a queue. Full is :class:`Overloaded`, with the time after which a retry has a chance."""

    def __init__(self, *, slots: int, queue: int) -> None:
        self._free = slots
        self._slots = slots
        self._queue_limit = queue
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._promised = 0
        self._mean_s = _FIRST_GUESS_S
        self._draining = False

    @property
    def depth(self) -> int:
        """How many wait."""
        return sum(not future.done() for future in list(self._waiting))  # a copy: metrics ask from a thread of theirs

    def reserve(self) -> Ticket:
        """Take a place in the queue. Overloaded when there is none, Draining when the server stops."""
        if self._draining:
            raise Draining("the server is stopping")
        if self._promised >= self._free + self._queue_limit:
            retry_after_s = self._mean_s * (self._queue_limit + 1) / self._slots
            reason = f"all {self._slots} slots are busy and {self._queue_limit} submissions wait"
            raise Overloaded(reason, retry_after_s=retry_after_s)
        self._promised += 1
        return Ticket(self)

    def drain(self) -> None:
        """Reserve no more."""
        self._draining = True

    async def _enter(self) -> None:
        if self._free > 0 and not self.depth:
            self._free -= 1
            return
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(future)
        try:
            await future
        except asyncio.CancelledError:
            if future.done() and not future.cancelled():
                self._pass_on()
            raise

    def _leave(self, seconds: float | None) -> None:
        if seconds is not None:
            self._mean_s += (seconds - self._mean_s) * _SMOOTHING
            self._pass_on()

    def _pass_on(self) -> None:
        """Give a slot to the next in the queue, or back."""
        while self._waiting:
            future = self._waiting.popleft()
            if not future.done():
                future.set_result(None)
                return
        self._free += 1


class Ticket:
    """A place in the queue, then a slot."""

    def __init__(self, admission: Admission) -> None:
        self._admission = admission
        self._entered_s: float | None = None

    async def enter(self) -> None:
        """Wait for a slot."""
        await self._admission._enter()  # noqa: SLF001  (one mechanism in two classes)
        self._admission._promised -= 1  # noqa: SLF001
        self._entered_s = asyncio.get_running_loop().time()

    def leave(self) -> None:
        """Give back the place or the slot."""
        if self._entered_s is None:
            self._admission._promised -= 1  # noqa: SLF001
            return
        self._admission._leave(asyncio.get_running_loop().time() - self._entered_s)  # noqa: SLF001
