"""Who may run now: a fixed number of slots, shared evenly by those who call, and a bounded queue before them.

A slot that gets free goes to the caller with the fewest, of those who wait; among equals, in turn. When the queue is full, some
places beside it are kept for callers who have nothing here: so no one can keep another out, and each comes to its share.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict

from sandboxd.errors import Draining, Overloaded

_FIRST_GUESS_S = 1.0
_SMOOTHING = 0.1
_KEPT = 8  # one place for each so many of the queue


class Admission:
    """Slots and a queue. Full is :class:`Overloaded`, with the time after which a retry has a chance."""

    def __init__(self, *, slots: int, queue: int) -> None:
        self._slots = slots
        self._free = slots
        self._queue = queue
        self._kept = -(-queue // _KEPT)
        self._depth = 0
        self._callers: OrderedDict[str, _Caller] = OrderedDict()  # those who run or wait; whose turn it is is first
        self._mean_s = _FIRST_GUESS_S
        self._draining = False

    @property
    def depth(self) -> int:
        """How many wait."""
        return self._depth

    def reserve(self, name: str = "") -> Ticket:
        """Take a slot, or a place in the queue, for a caller. Overloaded when there is none, Draining when the server stops."""
        if self._draining:
            raise Draining("the server is stopping")
        places = self._queue + (0 if name in self._callers else self._kept)
        if not self._free and self._depth >= places:
            reason = f"all {self._slots} slots are busy and {self._depth} submissions wait"
            raise Overloaded(reason, retry_after_s=self._mean_s * (self._depth + 1) / self._slots)
        caller = self._callers.setdefault(name, _Caller(name))
        ticket = Ticket(self, caller)
        caller.waiting[ticket] = None
        self._depth += 1
        if self._free:
            self._free -= 1
            self._admit(caller)
        return ticket

    def drain(self) -> None:
        """Reserve no more."""
        self._draining = True

    def _leave(self, ticket: Ticket, caller: _Caller) -> None:
        """Take back what a ticket holds."""
        if ticket.turn.is_set():
            caller.running -= 1
            self._callers.move_to_end(caller.name)
            self._pass_on()
        else:
            del caller.waiting[ticket]
            self._depth -= 1
        if not caller.running and not caller.waiting:
            del self._callers[caller.name]

    def _pass_on(self) -> None:
        """Give a slot to the next, or keep it free."""
        waiting = [caller for caller in self._callers.values() if caller.waiting]
        if waiting:
            self._admit(min(waiting, key=lambda caller: caller.running))
        else:
            self._free += 1

    def _admit(self, caller: _Caller) -> None:
        """Give a slot to the first that waits of a caller's."""
        ticket, _ = caller.waiting.popitem(last=False)
        self._depth -= 1
        caller.running += 1
        ticket.turn.set()

    def _took(self, seconds: float) -> None:
        """Count how long a slot was in use."""
        self._mean_s += (seconds - self._mean_s) * _SMOOTHING


class Ticket:
    """A place in the queue, then a slot. Whoever has one must leave, whatever comes between."""

    def __init__(self, admission: Admission, caller: _Caller) -> None:
        self.turn = asyncio.Event()
        self._admission = admission
        self._caller = caller
        self._entered_s: float | None = None

    async def enter(self) -> None:
        """Wait for a slot."""
        await self.turn.wait()
        self._entered_s = asyncio.get_running_loop().time()

    def leave(self) -> None:
        """Give back the place or the slot."""
        if self._entered_s is not None:
            self._admission._took(asyncio.get_running_loop().time() - self._entered_s)  # noqa: SLF001  (one mechanism in two classes)
        self._admission._leave(self, self._caller)  # noqa: SLF001


class _Caller:
    """What one caller has."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.running = 0
        self.waiting: OrderedDict[Ticket, None] = OrderedDict()
