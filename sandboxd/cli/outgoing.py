"""What goes to a server on a stream, while the program's output comes."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from typing import Generic, TypeVar

Message = TypeVar("Message")

_MOST_PIECES = 16


class Outgoing(Generic[Message]):
    """Messages in their order, for gRPC, which takes the next when the one before has gone out."""

    def __init__(self) -> None:
        self._messages: queue.SimpleQueue[tuple[Message | None, bool]] = queue.SimpleQueue()
        self._room = threading.BoundedSemaphore(_MOST_PIECES)

    def put(self, message: Message) -> None:
        """Send it. Waits for nothing, so a handler of a signal may do it."""
        self._messages.put((message, False))

    def put_input(self, message: Message) -> None:
        """Send a piece of input, when not too many are under way: what the program does not read is to stay where it comes from."""
        self._room.acquire()
        self._messages.put((message, True))

    def end(self) -> None:
        """Send no more than there is."""
        self._messages.put((None, False))

    def __iter__(self) -> Iterator[Message]:
        while True:
            message, is_input = self._messages.get()
            if message is None:
                return
            if is_input:
                self._room.release()
            yield message
