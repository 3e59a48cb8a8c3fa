"""Work with images in threads of its own, a bounded number of them, told of as it goes on.

Executions have the event loop's threads, which may not run out: a registry may take as long as it likes. Threads here are daemons,
because none of them can be stopped: a server that ends does not wait for a registry.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Generic, Self, TypeVar

from sandboxd.errors import Overloaded, Stalled, StoreFailed

T = TypeVar("T")

MOST = 8
"""So many transfers and builds at one time; one more is refused."""
_RETRY_AFTER_S = 5.0
_MOST_EVENTS = 1000  # that wait for a listener: what is behind is of no interest


@dataclass(frozen=True, slots=True)
class Line:
    """What is being done now, for people."""

    text: str


@dataclass(frozen=True, slots=True)
class Transfer:
    """How much of a blob has come or gone."""

    digest: str
    done_bytes: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Done(Generic[T]):
    """What came of it."""

    result: T


Event = Line | Transfer
Tell = Callable[[Event], None]
"""Is called from the thread."""


def in_lines(tell: Tell) -> Callable[[str], None]:
    """Return what tells text that is for people."""
    return lambda text: tell(Line(text))


class Place:
    """One of so many: a call's, and that of what works for the call, which cannot be stopped when the call is cancelled."""

    def __init__(self, give_back: Callable[[], None]) -> None:
        self._held = contextlib.ExitStack()
        self._held.callback(give_back)
        self._work: asyncio.Task[Any] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        self._leave()

    def keep(self, context: AbstractContextManager[T]) -> T:
        """Enter it; it is left with the place."""
        return self._held.enter_context(context)

    async def finish(self, work: Coroutine[Any, Any, T]) -> T:
        """Wait for it. Who waits may be cancelled: it is done all the same, and the place is had until then."""
        self._work = task = asyncio.create_task(work)
        task.add_done_callback(take_note)
        return await asyncio.shield(task)

    @contextlib.contextmanager
    def waiting(self, most_s: float, what: str) -> Iterator[None]:
        """Have the place for so long at most while the block waits for the caller, and raise Stalled at its end if that was longer."""
        given_up = False

        def give_up() -> None:
            nonlocal given_up
            given_up = True
            self._leave()

        timer = asyncio.get_running_loop().call_later(most_s, give_up)
        try:
            yield
        finally:
            timer.cancel()
        if given_up:
            raise Stalled(what)

    def _leave(self) -> None:
        """Give it back, when nothing works any more."""
        if self._work is None or self._work.done():
            self._held.close()
        else:
            self._work.add_done_callback(lambda _: self._held.close())


class Places:
    """For what takes long. Made once a server."""

    def __init__(self, most: int = MOST, what: str = "so many images are on their way already") -> None:
        """``what`` is said to one more."""
        self._free, self._what = most, what

    def taken(self) -> Place:
        """Have one for the time of a block. Overloaded where there is none."""
        if not self._free:
            raise Overloaded(self._what, retry_after_s=_RETRY_AFTER_S)
        self._free -= 1
        return Place(self._give_back)

    def _give_back(self) -> None:
        self._free += 1


def take_note(task: asyncio.Task[Any]) -> None:
    """Take a task's error: there may be nobody any more who waits for it."""
    if not task.cancelled():
        task.exception()


async def in_thread(work: Callable[..., T], *arguments: Any, **options: Any) -> T:
    """Do it in a thread of its own. StoreFailed where the operating system does not let it: what is done here is done with images on disk."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def settle(result: T | None, error: BaseException | None) -> None:
        if future.done():
            return  # who waited has gone
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(result)  # type: ignore[arg-type]

    def run() -> None:
        try:
            outcome: tuple[T | None, BaseException | None] = (work(*arguments, **options), None)
        except BaseException as error:  # noqa: BLE001  (it is raised where it is waited for)
            outcome = (None, error)
        with contextlib.suppress(RuntimeError):  # the loop has ended before
            loop.call_soon_threadsafe(settle, *outcome)

    try:
        threading.Thread(target=run, daemon=True).start()
        return await future
    except OSError as error:
        raise StoreFailed(f"the image store: {error.strerror or error}") from error
    except RuntimeError as error:
        raise StoreFailed(f"no thread for it: {error}") from error


async def told(places: Places, work: Callable[[Tell], T]) -> AsyncIterator[Event | Done[T]]:
    """Do it, and yield what it tells and at last what came of it, or raise what it raises. Overloaded where there is no place.

    A thread cannot be stopped: who stops listening does not keep it from being done, and it has its place until it is.
    """
    events: asyncio.Queue[Event | None] = asyncio.Queue()
    loop = asyncio.get_running_loop()

    def keep(event: Event) -> None:
        if events.qsize() < _MOST_EVENTS:
            events.put_nowait(event)

    def tell(event: Event) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has ended before
            loop.call_soon_threadsafe(keep, event)

    async def do() -> T:
        with places.taken():
            return await in_thread(work, tell)

    task = asyncio.create_task(do())
    task.add_done_callback(take_note)
    task.add_done_callback(lambda _: events.put_nowait(None))
    while (event := await events.get()) is not None:
        yield event
    yield Done(await task)
