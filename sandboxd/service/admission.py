"""Who may run now: a fixed number of slots, shared evenly by those who call, and a bounded queue before them.

A slot that gets free goes to the caller with the fewest, of those who wait; among equals, in turn. When the queue is full, some
places beside it are kept for callers who have less than an equal part of slots and queue, and some more for those who have nothing: so
no one can keep another out, and each comes to its share.

Who is refused is told so at once, and when to come back. Those who are back sooner are answered at a bounded rate, for answers take
time that programs do not have.
"""

from __future__ import annotations

import asyncio
from collections import Counter, OrderedDict

from sandboxd.errors import Draining, Overloaded
from sandboxd.service.untaken import RETRY_AFTER_S, Untaken

_FIRST_GUESS_S = 1.0
_SMOOTHING = 0.1
_FOR_LITTLE, _FOR_NOTHING = 4, 8  # one place for each so many of the queue
_EARLY_PER_S = 100
_EARLY_AT_ONCE = 256  # many calls at the same moment on one connection are no offence, and cannot be told from one
_MOST_HELD = 1024
_MOST_TOLD = 4096


class Admission:
    """Slots and a queue. Full is :class:`Overloaded`, with the time after which a retry has a chance."""

    def __init__(self, *, slots: int, queue: int) -> None:
        self._slots = slots
        self._free = slots
        self._queue = queue
        self._for_little = -(-queue // _FOR_LITTLE)
        self._for_nothing = -(-queue // _FOR_NOTHING)
        self._depth = 0
        self._callers: OrderedDict[str, _Caller] = OrderedDict()  # those who run or wait; whose turn it is is first
        self._mean_s = _FIRST_GUESS_S
        self._early = _EarlyCallers()
        self.untaken = Untaken(slots=slots)
        """What was answered, and is still here: who does not take it has no place, and no turn of those that it has."""
        self._draining = asyncio.Event()

    @property
    def depth(self) -> int:
        """How many wait."""
        return self._depth

    async def ask(self, name: str = "") -> None:
        """Raise what :meth:`reserve` would raise now, before anything is spent on a request. Who is back too early waits for it."""
        if self._early.is_early(name) and not (self._has_place(name) and self.untaken.has_room(name)):
            await self._early.hold(name, until=self._draining)
        self._check(name)

    def reserve(self, name: str = "") -> Ticket:
        """Take a slot, or a place in the queue, for a caller. Overloaded when there is none, Draining when the server stops."""
        self._check(name)
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
        self._draining.set()

    def _has_place(self, name: str) -> bool:
        return self._free > 0 or self._depth < self._queue + self._kept_for(name)

    def _kept_for(self, name: str) -> int:
        """Return how many of the places beside the queue a caller may take: it depends on what it has."""
        caller = self._callers.get(name)
        if caller is None:
            return self._for_little + self._for_nothing
        equal_part = (self._slots + self._queue) // len(self._callers)
        return self._for_little if caller.count < equal_part else 0

    def _check(self, name: str) -> None:
        """Raise where a caller gets nothing now."""
        if self._draining.is_set():
            raise Draining("the server is stopping")
        if not self.untaken.has_room(name):
            self._early.told(name, RETRY_AFTER_S)
            self.untaken.check(name)
        if not self._has_place(name):
            retry_after_s = self._mean_s * (self._depth + 1) / self._slots
            self._early.told(name, retry_after_s)
            reason = f"all {self._slots} slots are busy and {self._depth} submissions wait"
            raise Overloaded(reason, retry_after_s=retry_after_s)

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
        """Wait for a slot. Overloaded where the caller has taken too little meanwhile of what it got."""
        await self.turn.wait()
        self._admission.untaken.check(self._caller.name)
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

    @property
    def count(self) -> int:
        """How many places and slots it has."""
        return self.running + len(self.waiting)


class _EarlyCallers:
    """Those who are back before the time that they were told. A bucket of answers is theirs, which fills at a fixed rate.

    When it is empty they are held, so long that they are answered at that rate, all callers evenly; and no more of them than take little memory.
    """

    def __init__(self) -> None:
        self._told: OrderedDict[str, float] = OrderedDict()  # when a caller who was refused may be back
        self._held: Counter[str] = Counter()
        self._answers = float(_EARLY_AT_ONCE)
        self._filled_s = 0.0

    def told(self, name: str, retry_after_s: float) -> None:
        """Remember what a caller was told; of several calls of its, the first counts."""
        if self.is_early(name):
            return
        self._told[name] = asyncio.get_running_loop().time() + retry_after_s
        self._told.move_to_end(name)
        if len(self._told) > _MOST_TOLD:
            self._told.popitem(last=False)

    def is_early(self, name: str) -> bool:
        """Whether a caller was told to come back later than now."""
        return name in self._told and asyncio.get_running_loop().time() < self._told[name]

    async def hold(self, name: str, *, until: asyncio.Event) -> None:
        """Keep a caller who is early until there is an answer for it, or until an event."""
        if self._has_answer() or self._held.total() >= _MOST_HELD:
            return
        self._held[name] += 1
        try:
            async with asyncio.timeout(self._held[name] * len(self._held) / _EARLY_PER_S):
                await until.wait()
        except TimeoutError:
            return
        finally:
            self._held[name] -= 1
            if not self._held[name]:
                del self._held[name]
            self._filled_s = asyncio.get_running_loop().time()

    def _has_answer(self) -> bool:
        """Take an answer of the bucket. While some are held it does not fill: they have what would come in."""
        now = asyncio.get_running_loop().time()
        if not self._held:
            self._answers = min(_EARLY_AT_ONCE, self._answers + (now - self._filled_s) * _EARLY_PER_S)
        self._filled_s = now
        if self._answers < 1:
            return False
        self._answers -= 1
        return True
