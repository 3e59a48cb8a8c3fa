"""The program's standard streams on the server's side: what it writes is kept up to a limit, counted beyond it.

Nothing here grows with what a program writes: the kept bytes are bounded by the output limit, and a reader that is
behind (``back_pressure``) pauses the pipe, so that the program waits.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import fcntl
import os
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Mapping

from sandboxd.model import Output

CHUNK_BYTES = 262144
"""So much is read at once, and told at once: a message of gRPC costs as much as copying that. Below what ``linux.heap`` takes for large."""
_PIPE_BYTES = 65536  # a pipe's default capacity (pipe(7))
STDOUT, STDERR = 1, 2
_END_OF_FILE = b"\x04"
_SMALL_BYTES = 32768
_REST_S = 0.001
_LONG_REST_S = 0.01


class _Kept:
    """Bytes to which more are added, in blocks: nothing is copied to make room, and what comes as a whole chunk is kept as it is.

    No block is larger than a chunk, so that its memory is of the heap, where others have left some (``linux.heap``).
    """

    def __init__(self) -> None:
        self._blocks: list[bytes | bytearray] = []
        self._starts: list[int] = []
        self.size = 0

    def add(self, data: bytes) -> None:
        """Add up to a chunk."""
        last = self._blocks[-1] if self._blocks else b""
        if isinstance(last, bytearray) and len(last) + len(data) <= CHUNK_BYTES:
            last += data
        else:
            self._blocks.append(data if len(data) == CHUNK_BYTES else bytearray(data))
            self._starts.append(self.size)
        self.size += len(data)

    def part(self, start: int, end: int) -> bytes:
        """Return what is from one position to another, behind it."""
        first, last = bisect_right(self._starts, start) - 1, bisect_left(self._starts, end) - 1
        offset = self._starts[first]
        if first == last:
            return bytes(self._blocks[first][start - offset : end - offset])
        joined = b"".join(self._blocks[first : last + 1])
        return joined[start - offset : end - offset]

    @property
    def blocks(self) -> tuple[bytes | bytearray, ...]:
        """All of it. To the last block more may be added."""
        return tuple(self._blocks)


class Recorder:
    """Keeps the two streams in the order of arrival, up to a limit of both together."""

    def __init__(self, limit_bytes: int, on_limit: Callable[[], None]) -> None:
        self._left = limit_bytes
        self._on_limit = on_limit
        self._kept = {STDOUT: _Kept(), STDERR: _Kept()}
        self._totals = {STDOUT: 0, STDERR: 0}
        # Pieces in their order: a stream and where in it the piece ends, in eight bytes, for there may be one a byte.
        self._pieces = array("Q")
        self._last_start = 0
        self.on_chunk: Callable[[], None] = _ignore

    def write(self, stream: int, data: bytes) -> None:
        """Keep bytes of a stream, up to a chunk. ``on_limit`` is called with the first byte past the limit."""
        self._totals[stream] += len(data)
        kept = data[: self._left]
        if kept:
            self._left -= len(kept)
            self._keep(stream, kept)
            self.on_chunk()
        if len(kept) < len(data):
            self._on_limit()

    def _keep(self, stream: int, data: bytes) -> None:
        kept = self._kept[stream]
        start = kept.size
        kept.add(data)
        piece = kept.size << 1 | (stream == STDERR)
        same = bool(self._pieces) and _stream_of(self._pieces[-1]) == stream
        if same and start - self._last_start < CHUNK_BYTES:
            self._pieces[-1] = piece
        else:
            self._last_start = start
            self._pieces.append(piece)

    def output(self, stream: int) -> Output:
        """Return a stream, uncopied. To be asked for when nothing more is written."""
        return Output(blocks=self._kept[stream].blocks, total_bytes=self._totals[stream])

    def read_from(self, cursor: Cursor) -> tuple[int, bytes] | None:
        """Return the next piece behind ``cursor`` and move it; None when there is none yet."""
        while cursor.piece < len(self._pieces):
            stream, end = _stream_of(self._pieces[cursor.piece]), self._pieces[cursor.piece] >> 1
            start = cursor.positions[stream]
            if start < end:
                cursor.positions[stream] = end
                return stream, self._kept[stream].part(start, end)
            if cursor.piece == len(self._pieces) - 1:
                return None  # this piece may still grow
            cursor.piece += 1
        return None

    def end_cursor(self) -> Cursor:
        """Return a cursor behind all that has been kept."""
        cursor = Cursor()
        cursor.piece = max(0, len(self._pieces) - 1)
        cursor.positions = {stream: kept.size for stream, kept in self._kept.items()}
        return cursor

    def seal(self) -> None:
        """Tell nobody of anything any more. What is kept outlives the run, and would hold on to all that it knew."""
        self.on_chunk = self._on_limit = _ignore

    @property
    def kept_bytes(self) -> int:
        """How much is kept of both."""
        return sum(kept.size for kept in self._kept.values())


def _ignore() -> None:
    """Do nothing."""


def _stream_of(piece: int) -> int:
    return STDERR if piece & 1 else STDOUT


class Cursor:
    """Where a reader is in a :class:`Recorder`."""

    __slots__ = ("piece", "positions")

    def __init__(self) -> None:
        self.piece = 0
        self.positions = {STDOUT: 0, STDERR: 0}

    @property
    def read(self) -> int:
        """How many bytes it has read."""
        return sum(self.positions.values())


class OutputPump:
    """Moves bytes from the program's pipes, or from its terminal, to a :class:`Recorder`. Owns their descriptors.

    After a small read it rests, for a program that writes byte by byte would have the server work harder than itself;
    what has come meanwhile is then taken at once.
    """

    def __init__(self, sources: Mapping[int, int], recorder: Recorder, *, paused: bool = False) -> None:
        """``sources`` are the descriptors by their streams, in the order in which they are read after a rest.

        A ``paused`` one reads nothing before :meth:`resume` (or :meth:`finish`).
        """
        self._sources = dict(sources)
        self._recorder = recorder
        self._loop = asyncio.get_running_loop()
        self._paused = paused
        self._listening: set[int] = set()
        self._ended: set[int] = set()
        self._rest: asyncio.TimerHandle | None = None
        self._grown: set[int] = set()
        for fd in self._sources.values():
            os.set_blocking(fd, False)
        self._listen()

    def pause(self) -> None:
        """Leave the bytes where they are, so that the program's next write waits."""
        self._paused = True
        self._stop_listening()

    def resume(self) -> None:
        """Go on."""
        self._paused = False
        if self._rest is None:
            self._listen()

    def finish(self) -> None:
        """Take what there still is (its writers are dead, so that is bounded) and close."""
        self._stop_listening()
        if self._rest is not None:
            self._rest.cancel()
        for stream, fd in self._sources.items():
            while stream not in self._ended and self._take(stream):
                pass
            os.close(fd)
        self._sources.clear()

    def _listen(self) -> None:
        if self._paused:
            return
        for stream, fd in self._sources.items():
            if stream not in self._listening | self._ended:
                self._listening.add(stream)
                self._loop.add_reader(fd, self._readable, stream)

    def _stop_listening(self) -> None:
        for stream in self._listening:
            self._loop.remove_reader(self._sources[stream])
        self._listening.clear()

    def _readable(self, stream: int) -> None:
        taken = self._take(stream)
        if taken is None:  # nothing more will come
            self._ended.add(stream)
            self._listening.discard(stream)
            self._loop.remove_reader(self._sources[stream])
        elif taken < _SMALL_BYTES and self._rest is None:
            self._stop_listening()
            self._rest = self._loop.call_later(_REST_S if taken else _LONG_REST_S, self._rested)

    def _rested(self) -> None:
        self._rest = None
        self._listen()

    def _take(self, stream: int) -> int | None:
        """Read once; returns how much there was, 0 where a terminal has nobody at its other end, None at the end."""
        try:
            data = os.read(self._sources[stream], CHUNK_BYTES)
        except BlockingIOError:
            return 0
        except OSError as error:
            if error.errno != errno.EIO:
                raise
            return 0  # a terminal's master while no slave is open: one may be again (pty(7))
        if not data:
            return None
        if len(data) == _PIPE_BYTES and stream not in self._grown:
            self._grow(stream)
        self._recorder.write(stream, data)
        return len(data)

    def _grow(self, stream: int) -> None:
        """Make a pipe that was full larger, so that its program and this process take turns less often."""
        self._grown.add(stream)
        with contextlib.suppress(OSError):  # a terminal; or more pipe pages than an ordinary user may have
            fcntl.fcntl(self._sources[stream], fcntl.F_SETPIPE_SZ, CHUNK_BYTES)


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

    async def feed(self, data: bytes, *, end: bool) -> None:
        """Write all of it, and then the end where that is wanted."""
        async with self._lock:
            await self._write(data)
            if end:
                await self._end()

    async def write(self, data: bytes) -> None:
        """Write all of it. What a program that has closed its input does not read is dropped."""
        await self.feed(data, end=False)

    async def end(self) -> None:
        """End the input after what has been written."""
        await self.feed(b"", end=True)

    async def _write(self, data: bytes) -> None:
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

    async def _end(self) -> None:
        """Close a pipe, type the end-of-file character on a terminal.

        Within a line that character only hands over what there is of it (termios(3), VEOF): a second one is the end.
        """
        if self._terminal:
            await self._write(_END_OF_FILE * (2 if self._within_line else 1))
        else:
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
        if self._terminal:
            # One that nobody has open is always ready and takes nothing.
            await asyncio.sleep(_LONG_REST_S)

    def _set_writable(self) -> None:
        if self._writable is not None and not self._writable.done():
            with contextlib.suppress(asyncio.InvalidStateError):
                self._writable.set_result(None)
