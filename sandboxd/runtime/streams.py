"""The program's standard streams on the server's side: what it writes is kept up to a limit, counted beyond it.

Nothing here grows with what a program writes: the kept bytes are bounded by the output limit, and a reader that is
behind (``back_pressure``) pauses the pipe, so that the program waits.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
from collections.abc import Callable

from sandboxd.model import Output

CHUNK_BYTES = 65536  # a pipe's default capacity (pipe(7)): one read can empty it
STDOUT, STDERR = 1, 2
_END_OF_FILE = b"\x04"


class Recorder:
    """Keeps the two streams in the order of arrival, up to a limit of both together."""

    def __init__(self, limit_bytes: int, on_limit: Callable[[], None]) -> None:
        self._left = limit_bytes
        self._on_limit = on_limit
        self._kept = {STDOUT: bytearray(), STDERR: bytearray()}
        self._totals = {STDOUT: 0, STDERR: 0}
        self._order: list[tuple[int, int, int]] = []
        self.on_chunk: Callable[[], None] = lambda: None

    def write(self, stream: int, data: bytes) -> None:
        """Take bytes of a stream. ``on_limit`` is called with the first byte past the limit."""
        self._totals[stream] += len(data)
        kept = data[: self._left]
        if kept:
            buffer = self._kept[stream]
            start = len(buffer)
            buffer += kept
            self._left -= len(kept)
            if self._order and self._order[-1][0] == stream and start - self._order[-1][1] < CHUNK_BYTES:
                self._order[-1] = (stream, self._order[-1][1], len(buffer))
            else:
                self._order.append((stream, start, len(buffer)))
            self.on_chunk()
        if len(kept) < len(data):
            self._on_limit()

    @property
    def total_bytes(self) -> int:
        """What was written to both, kept or not."""
        return sum(self._totals.values())

    def output(self, stream: int) -> Output:
        """Return a stream as it is now."""
        return Output(data=bytes(self._kept[stream]), total_bytes=self._totals[stream])

    def read_from(self, cursor: Cursor) -> tuple[int, bytes] | None:
        """Return the next piece behind ``cursor`` and move it; None when there is none yet."""
        while cursor.piece < len(self._order):
            stream, start, end = self._order[cursor.piece]
            position = max(start, cursor.position)
            if position < end:
                cursor.position = end
                cursor.read += end - position
                return stream, bytes(self._kept[stream][position:end])
            if cursor.piece == len(self._order) - 1:
                return None  # this piece may still grow
            cursor.piece += 1
            cursor.position = 0
        return None

    def end_cursor(self) -> Cursor:
        """Return a cursor behind all that has been kept."""
        if not self._order:
            return Cursor()
        return Cursor(len(self._order) - 1, self._order[-1][2], self.kept_bytes)

    @property
    def kept_bytes(self) -> int:
        """How much is kept of both."""
        return len(self._kept[STDOUT]) + len(self._kept[STDERR])


class Cursor:
    """Where a reader is in a :class:`Recorder`."""

    __slots__ = ("piece", "position", "read")

    def __init__(self, piece: int = 0, position: int = 0, read: int = 0) -> None:
        self.piece = piece
        self.position = position
        self.read = read


class OutputPump:
    """Moves bytes from a pipe or terminal, whose descriptor it owns, to a :class:`Recorder`."""

    def __init__(self, fd: int, stream: int, recorder: Recorder) -> None:
        self._fd = fd
        self._stream = stream
        self._recorder = recorder
        self._loop = asyncio.get_running_loop()
        self._open = True
        self._paused = False
        os.set_blocking(fd, False)
        self._loop.add_reader(fd, self._move)

    def pause(self) -> None:
        """Leave the bytes in the pipe, so that the program's next write waits."""
        if self._open and not self._paused:
            self._paused = True
            self._loop.remove_reader(self._fd)

    def resume(self) -> None:
        """Go on."""
        if self._open and self._paused:
            self._paused = False
            self._loop.add_reader(self._fd, self._move)

    def finish(self, *, close: bool = True) -> None:
        """Take what the pipe still holds (its writers are dead, so that is bounded) and close it."""
        while self._open and self._move():
            pass
        if close:
            self._close()

    def _move(self) -> bool:
        try:
            data = os.read(self._fd, CHUNK_BYTES)
        except BlockingIOError:
            return False
        except OSError as error:
            if error.errno != errno.EIO:  # a terminal's master, when the last slave has closed
                raise
            data = b""
        if not data:
            self._close()
            return False
        self._recorder.write(self._stream, data)
        return True

    def _close(self) -> None:
        if self._open:
            if not self._paused:
                self._loop.remove_reader(self._fd)
            self._open = False
            os.close(self._fd)


class StdinFeeder:
    """Writes to the program's standard input, whose descriptor it owns, as fast as the program reads."""

    def __init__(self, fd: int, *, terminal: bool) -> None:
        self._fd = fd
        self._terminal = terminal
        self._loop = asyncio.get_running_loop()
        self._lock = asyncio.Lock()
        self._writable: asyncio.Future[None] | None = None
        self._within_line = False
        self.open = True
        os.set_blocking(fd, False)

    @property
    def fd(self) -> int:
        """The descriptor, borrowed; valid while :attr:`open`."""
        return self._fd

    async def write(self, data: bytes) -> None:
        """Write all of it. What a program that has closed its input does not read is dropped."""
        async with self._lock:
            view = memoryview(data)
            if view:
                self._within_line = not data.endswith(b"\n")
            while view and self.open:
                try:
                    view = view[os.write(self._fd, view) :]
                except BlockingIOError:
                    await self._wait()
                except OSError as error:
                    if error.errno not in (errno.EPIPE, errno.EIO):
                        raise
                    self.close()

    async def end(self) -> None:
        """End the input after what has been written: closes a pipe, types the end-of-file character on a terminal.

        Within a line that character only hands over what there is of it (termios(3), VEOF): a second one is the end.
        """
        if self._terminal:
            await self.write(_END_OF_FILE * (2 if self._within_line else 1))
        else:
            async with self._lock:
                self.close()

    def close(self) -> None:
        """Close it now."""
        if self.open:
            self.open = False
            if self._writable is not None:
                self._loop.remove_writer(self._fd)
                if not self._writable.done():
                    self._writable.set_result(None)
            os.close(self._fd)

    async def _wait(self) -> None:
        self._writable = self._loop.create_future()
        self._loop.add_writer(self._fd, self._set_writable)
        try:
            await self._writable
        finally:
            self._writable = None
            if self.open:
                self._loop.remove_writer(self._fd)

    def _set_writable(self) -> None:
        if self._writable is not None and not self._writable.done():
            with contextlib.suppress(asyncio.InvalidStateError):
                self._writable.set_result(None)
