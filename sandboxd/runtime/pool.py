"""The warm pool: containers made before they are asked for, each for one submission, as fresh and as tight as any.

What a container is made of, its image and its policy, is fixed when it is made: that is the key. Limits are not, and are
written when it is handed out. The pool is topped up when a container has ended, off the path of every request, and a
request that finds none ready takes the next one that is being made rather than have another made.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

from sandboxd.config import POOL_KINDS
from sandboxd.errors import SandboxError
from sandboxd.runtime.container import Container

Key = TypeVar("Key", bound=Hashable)


class _Shelf:
    """Containers of one key: those that are ready, and those that are being made for nobody yet."""

    def __init__(self) -> None:
        self.ready: deque[Container] = deque()
        self.coming: deque[asyncio.Task[Container]] = deque()

    def give(self) -> Container:
        """Hand out the one that has waited longest."""
        container = self.ready.popleft()
        container.on_end = lambda: None
        return container


class Pool(Generic[Key]):
    """Keeps up to ``size`` containers of each key ready."""

    def __init__(
        self, size: int, make: Callable[[Key], Awaitable[Container]], discard: Callable[[Container], None]
    ) -> None:
        self._size = size
        self._make = make
        self._discard = discard
        self._shelves: OrderedDict[Key, _Shelf] = OrderedDict()
        self.hits = 0
        self.misses = 0

    @property
    def ready(self) -> int:
        """How many wait for a submission."""
        return sum(len(shelf.ready) for shelf in list(self._shelves.values()))

    async def take(self, key: Key) -> Container | None:
        """Return a container that nobody else will get, or None where one must be made."""
        shelf = self._shelves.get(key)
        while shelf is not None and (shelf.ready or shelf.coming):
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

    def top_up(self, key: Key) -> None:
        """Have containers made until there are as many as there should be."""
        if not self._size:
            return
        shelf = self._shelves.setdefault(key, _Shelf())
        self._shelves.move_to_end(key)
        while len(self._shelves) > POOL_KINDS:  # the one that was asked for longest ago gives way
            _, oldest = self._shelves.popitem(last=False)
            self._empty(oldest)
        while len(shelf.ready) + len(shelf.coming) < self._size:
            task = asyncio.ensure_future(self._make(key))
            shelf.coming.append(task)
            task.add_done_callback(lambda task: self._made(shelf, task))

    async def close(self) -> None:
        """Discard all, and make no more."""
        self._size = 0
        await self.drain()

    async def drain(self) -> None:
        """Discard all, those that are being made included."""
        shelves = list(self._shelves.values())
        self._shelves.clear()
        coming = [task for shelf in shelves for task in shelf.coming]
        for shelf in shelves:
            self._empty(shelf)
        if coming:
            await asyncio.wait(coming)

    def _made(self, shelf: _Shelf, task: asyncio.Task[Container]) -> None:
        """Put a new container on its shelf, unless a request has claimed it already or nobody wants it any more."""
        failed = task.cancelled() or task.exception() is not None
        if task in shelf.coming:
            shelf.coming.remove(task)
            if not failed:
                self._put(shelf, task.result())

    def _put(self, shelf: _Shelf, container: Container) -> None:
        """Keep a container until it is asked for. One that dies before, with its launcher, is discarded at once."""
        if container.doomed:
            self._discard(container)
            return

        def died() -> None:
            shelf.ready.remove(container)
            self._discard(container)

        container.on_end = died
        shelf.ready.append(container)

    def _empty(self, shelf: _Shelf) -> None:
        while shelf.ready:
            self._discard(shelf.give())
        while shelf.coming:
            shelf.coming.popleft().add_done_callback(self._discard_made)

    def _discard_made(self, task: asyncio.Task[Container]) -> None:
        if not task.cancelled() and task.exception() is None:
            self._discard(task.result())
