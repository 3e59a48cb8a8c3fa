"""The warm pool: containers made before they are asked for, each for one submission, as fresh and as tight as any.

What a container is made of, its image and its policy, is fixed when it is made: that is the key. Limits are not, and are
written when it is handed out. How many of a key should be ready follows demand (``demand``), between bounds; they stand on a
shelf of its own. Spare ones are made when a container has ended, two at a time, off the path of every request, and none is
begun while a request waits for a container. A request that finds none ready takes the next one that is being made rather
than have another made, unless another request waits for that.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import OrderedDict, deque
from collections.abc import Awaitable, Callable, Hashable, Iterator
from dataclasses import dataclass
from itertools import count
from typing import Generic, Protocol, TypeVar

from sandboxd.config import POOL_KINDS
from sandboxd.errors import SandboxError
from sandboxd.model import MIB
from sandboxd.runtime.container import Container
from sandboxd.runtime.demand import WINDOW_S, Demand

log = logging.getLogger(__name__)

AT_ONCE = 2
"""How many spare ones are made at one time: while the launcher makes one, the other's init takes its steps."""
GRACE_S = 0.1
"""How long after a request has its container a spare one may be begun, if none has ended before: its program goes first."""
_FIRST_GUESS_BYTES = 2 * MIB  # what an idle container takes, until one has been seen
_READINGS = 16  # of each key, whose containers are all alike

Key = TypeVar("Key", bound=Hashable)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """Of a pool: ``least`` of each key in use, as far as there may be so many, and of all keys together ``most`` and their memory."""

    least: int
    most: int
    memory_bytes: int


class Clock(Protocol):
    """An event loop, as far as the pool needs it."""

    def time(self) -> float:
        """Return seconds of a clock that never goes back."""

    def call_at(self, when: float, callback: Callable[[], None], /) -> asyncio.TimerHandle:
        """Call back at a time of that clock."""


class _Shelf:
    """Containers of one key: those that are ready, and those that are being made for nobody yet."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.ready: deque[Container] = deque()
        self.coming: deque[asyncio.Task[Container]] = deque()
        self.demand = Demand()
        self.target = 0
        self.failure = ""
        """Why the last one could not be made; nothing where it could."""
        self._seen_bytes = 0
        self._readings = 0

    @property
    def size(self) -> int:
        """How many there are, or will be soon."""
        return len(self.ready) + len(self.coming)

    @property
    def container_bytes(self) -> int:
        """What an idle container of this key takes: the most that was seen, so that targets do not sway with each reading."""
        return self._seen_bytes or _FIRST_GUESS_BYTES

    def weigh(self, container: Container) -> None:
        """Read what a container takes that is ready, unless that is known.

        Where it cannot be read, the group has gone with the launcher or there is no descriptor: another will tell.
        """
        if self._readings == _READINGS:
            return
        self._readings += 1
        with contextlib.suppress(OSError):
            self._seen_bytes = max(self._seen_bytes, container.cgroup.memory_bytes())

    def tell(self, error: BaseException | None) -> None:
        """Say why one could not be made, unless the last one could not either, for the same reason: a request may hear of none."""
        failure = repr(error) if error is not None else ""
        if failure and failure != self.failure:
            log.warning("no spare container: %s", error)
        self.failure = failure

    def give(self) -> Container:
        """Hand out the one that has waited longest."""
        container = self.ready.popleft()
        container.on_end = lambda: None
        return container


class Pool(Generic[Key]):
    """Keeps containers of each key ready, as many as are asked for, within ``bounds``."""

    def __init__(
        self,
        bounds: Bounds,
        make: Callable[[Key], Awaitable[Container]],
        discard: Callable[[Container], None],
        clock: Clock,
    ) -> None:
        self._bounds = bounds
        self._make = make
        self._discard = discard
        self._clock = clock
        self._shelves: OrderedDict[Key, _Shelf] = OrderedDict()
        self._numbers = count()
        self._closed = bounds.most == 0
        self._waiting = 0
        self._overdue = False  # spare ones would have been begun, had no request waited
        self._timer: asyncio.TimerHandle | None = None
        self._window_ends_s: float | None = None
        self.hits = 0
        self.misses = 0
        self.on_made: Callable[[float], None] = lambda _seconds: None
        """Told how long each spare container took to make."""

    @property
    def ready(self) -> int:
        """How many wait for a submission."""
        return sum(len(shelf.ready) for shelf in list(self._shelves.values()))

    @property
    def target(self) -> int:
        """How many should wait."""
        return sum(shelf.target for shelf in list(self._shelves.values()))

    @contextlib.contextmanager
    def waiting(self) -> Iterator[None]:
        """A request waits for a container, of the pool or not: no spare one is begun meanwhile."""
        self._waiting += 1
        try:
            yield
        finally:
            self._waiting -= 1
            if self._overdue:
                self.replenish()
            elif not self._waiting and not self._closed:
                self._wake_by(self._clock.time() + GRACE_S)

    async def take(self, key: Key) -> Container | None:
        """Return a container that nobody else will get, or None where one must be made. Only within ``waiting``."""
        shelf = self._asked(key)
        shelf.demand.asked(self._clock.time(), self._waiting)
        while shelf.ready or shelf.coming:
            try:
                container = shelf.give() if shelf.ready else await asyncio.shield(shelf.coming.popleft())
            except SandboxError:
                continue  # the caller will make its own and hear why that fails
            if not container.doomed:
                self.hits += 1
                return container
            self._discard(container)
        self.misses += 1
        return None

    def given(self, key: Key) -> None:
        """A request has its container, of the pool or not. ``given_back`` must follow."""
        if key in self._shelves:
            self._shelves[key].demand.begin()

    def given_back(self, key: Key) -> None:
        """A request does not need its container any more."""
        if key in self._shelves:
            self._shelves[key].demand.end()

    def replenish(self) -> None:
        """A container has ended: there is time to discard what is too much, and to begin what is missing, unless a request waits."""
        while len(self._shelves) > POOL_KINDS:  # the one that was asked for longest ago gives way
            _, oldest = self._shelves.popitem(last=False)
            self._empty(oldest)
        self._overdue = self._waiting > 0
        if self._waiting or self._closed:
            return
        self._set_targets()
        for shelf in self._shelves.values():
            while shelf.ready and shelf.size > shelf.target:
                self._discard(shelf.give())
        for key, shelf in reversed(self._shelves.items()):
            while shelf.size < shelf.target and self._may_begin():
                self._begin(key, shelf)
        self._keep_window()

    def drop(self, unwanted: Callable[[Key], bool]) -> None:
        """Discard what nobody will ask for."""
        for key in [key for key in self._shelves if unwanted(key)]:
            self._empty(self._shelves.pop(key))

    async def close(self) -> None:
        """Discard all, and make no more."""
        self._closed = True
        await self.drain()

    async def drain(self) -> None:
        """Discard all, those that are being made included, and forget what was asked for."""
        shelves = list(self._shelves.values())
        self._shelves.clear()
        self._window_ends_s = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        coming = [task for shelf in shelves for task in shelf.coming]
        for shelf in shelves:
            self._empty(shelf)
        if coming:
            await asyncio.wait(coming)

    def _asked(self, key: Key) -> _Shelf:
        """Return the shelf of a key, which is now the one that was asked for last."""
        if key not in self._shelves:
            self._shelves[key] = _Shelf(next(self._numbers))
        self._shelves.move_to_end(key)
        return self._shelves[key]

    def _may_begin(self) -> bool:
        shelves = self._shelves.values()
        return sum(len(shelf.coming) for shelf in shelves) < AT_ONCE and (
            sum(shelf.size for shelf in shelves) < self._bounds.most
        )

    def _set_targets(self) -> None:
        """Give each key what it wants; where that is more than the bounds allow, in proportion.

        What rounding leaves goes to those that it took most from. Which key was asked for last makes no difference, or two in
        turn would take their containers from each other.
        """
        bounds, shelves = self._bounds, list(self._shelves.values())
        wanted = {shelf: max(bounds.least, shelf.demand.wanted) for shelf in shelves}
        room, memory = bounds.most, bounds.memory_bytes
        memory_wanted = sum(number * shelf.container_bytes for shelf, number in wanted.items())
        share = min(1.0, room / max(1, sum(wanted.values())), memory / max(1, memory_wanted))
        for shelf, number in wanted.items():
            shelf.target = int(share * number)
            room -= shelf.target
            memory -= shelf.target * shelf.container_bytes
        for shelf in sorted(shelves, key=lambda shelf: (shelf.target - share * wanted[shelf], shelf.number)):
            if shelf.target < wanted[shelf] and room and memory >= shelf.container_bytes:
                shelf.target += 1
                room -= 1
                memory -= shelf.container_bytes

    def _keep_window(self) -> None:
        """Have windows end while there is something that can become less, and only then."""
        if not any(shelf.demand.wanted > self._bounds.least for shelf in self._shelves.values()):
            self._window_ends_s = None
            return
        if self._window_ends_s is None:
            self._window_ends_s = self._clock.time() + WINDOW_S
        self._wake_by(self._window_ends_s)

    def _wake_by(self, when_s: float) -> None:
        """Have the pool looked after at that time or before. There is one timer, which is for what comes first."""
        if self._timer is not None:
            if self._timer.when() <= when_s:
                return
            self._timer.cancel()
        self._timer = self._clock.call_at(when_s, self._wake)

    def _wake(self) -> None:
        """Do what is due. While a request waits that is nothing but the window's end: when none does, there is a timer again."""
        self._timer = None
        if self._window_ends_s is not None and self._window_ends_s <= self._clock.time():
            self._window_ends_s = None
            for shelf in self._shelves.values():
                shelf.demand.turn()
        self.replenish()

    def _begin(self, key: Key, shelf: _Shelf) -> None:
        """Have a spare container made."""
        began_s = self._clock.time()
        task = asyncio.ensure_future(self._make(key))
        shelf.coming.append(task)
        task.add_done_callback(lambda task: self._made(shelf, task, began_s))

    def _made(self, shelf: _Shelf, task: asyncio.Task[Container], began_s: float) -> None:
        """Put a new container on its shelf, unless a request has claimed it already or nobody wants it any more."""
        error = asyncio.CancelledError() if task.cancelled() else task.exception()
        failed = error is not None
        shelf.tell(error)
        if not failed:
            seconds = self._clock.time() - began_s
            shelf.demand.made(seconds)
            self.on_made(seconds)
        if task in shelf.coming:
            shelf.coming.remove(task)
            if not failed and self._put(shelf, task.result()):  # or the next would be tried at once, and fail too
                self.replenish()

    def _put(self, shelf: _Shelf, container: Container) -> bool:
        """Keep a container until it is asked for. One that dies before, with its launcher, is discarded at once: False if it has."""
        if container.doomed:
            self._discard(container)
            return False

        def died() -> None:
            shelf.ready.remove(container)
            self._discard(container)

        container.on_end = died
        shelf.ready.append(container)
        shelf.weigh(container)
        return True

    def _empty(self, shelf: _Shelf) -> None:
        while shelf.ready:
            self._discard(shelf.give())
        while shelf.coming:
            shelf.coming.popleft().add_done_callback(self._discard_made)

    def _discard_made(self, task: asyncio.Task[Container]) -> None:
        if not task.cancelled() and task.exception() is None:
            self._discard(task.result())
