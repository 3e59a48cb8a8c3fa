"""What has happened in an execution, in order, told to any number of readers; one of them may hold the program back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from sandboxd.model import Ended, Event, ExecutionResult, OutputChunk, Phase, Started, WaitingForStdin
from sandboxd.runtime.streams import CHUNK_BYTES, Cursor, Recorder
from sandboxd.runtime.supervisor import Run

# How far the reader that holds the program back may be behind before the program's writes wait.
BACK_PRESSURE_BYTES = 2 * CHUNK_BYTES


class Timeline:
    """Events, and between them the recorder of the output that came between them."""

    def __init__(self) -> None:
        self._entries: list[Started | WaitingForStdin | Recorder | Ended] = []
        self._error: BaseException | None = None
        self._closed = False
        self._changed: asyncio.Future[None] | None = None
        self._run: Run | None = None
        self._pressure: Cursor | None = None

    @property
    def kept_bytes(self) -> int:
        """How much output it keeps."""
        recorders = {id(entry): entry.kept_bytes for entry in self._entries if isinstance(entry, Recorder)}
        return sum(recorders.values())

    def started(self, execution_id: str, phase: Phase, run: Run) -> None:
        """A program has started."""
        self._run = run
        self._entries += [Started(execution_id, phase), run.recorder]
        self._notify()

    def waiting_for_stdin(self) -> None:
        """The program waits for input."""
        assert self._run is not None
        self._entries += [WaitingForStdin(), self._run.recorder]
        self._notify()

    def output_arrived(self) -> None:
        """The program has written. It waits from now on if the reader that holds it back is too far behind."""
        if self._run is not None and self._pressure is not None and _lags(self._run.recorder, self._pressure):
            self._run.pause_output()
        self._notify()

    def phase_ended(self) -> None:
        """The program has ended, and cannot be held back any more."""
        self._run = None

    def close(self, result: ExecutionResult | None, error: BaseException | None) -> None:
        """There is an answer, or what readers get in its place."""
        if result is not None:
            self._entries.append(Ended(result))
        self._error, self._closed = error, True
        self._notify()

    async def events(
        self, *, from_start: bool, back_pressure: bool, unless: asyncio.Future[None] | None = None
    ) -> AsyncIterator[Event]:
        """Tell what happens, to the end, from the start or from now on. With ``back_pressure`` the program waits for this reader.

        Raises what kept the platform from giving an answer, and what ``unless`` fails with, as soon as it does.
        """
        position = 0 if from_start else max(0, len(self._entries) - 1)
        cursors: dict[int, Cursor] = {}
        if not from_start and position < len(self._entries):
            entry = self._entries[position]
            if isinstance(entry, Recorder):
                cursors[id(entry)] = entry.end_cursor()
        while True:
            if unless is not None and unless.done():
                if not unless.cancelled():
                    unless.result()
                unless = None
            if position == len(self._entries):
                await self._more(unless)
                continue
            entry = self._entries[position]
            if not isinstance(entry, Recorder):
                yield entry
                if isinstance(entry, Ended):
                    return
                position += 1
                continue
            cursor = cursors.setdefault(id(entry), Cursor())
            if back_pressure:
                self._pressure = cursor
            piece = entry.read_from(cursor)
            if piece is not None:
                yield OutputChunk(*piece)
                self._relieve(entry, cursor)
            elif position + 1 < len(self._entries):
                position += 1
            else:
                await self._more(unless)

    async def so_far(self) -> AsyncIterator[OutputChunk | Ended]:
        """Tell what has been written until now, and the answer if there is one."""
        cursors: dict[int, Cursor] = {}
        for entry in list(self._entries):
            if isinstance(entry, Recorder):
                cursor = cursors.setdefault(id(entry), Cursor())
                while (piece := entry.read_from(cursor)) is not None:
                    yield OutputChunk(*piece)
            elif isinstance(entry, Ended):
                yield entry

    async def _more(self, unless: asyncio.Future[None] | None) -> None:
        """Wait for whatever comes next, or for ``unless``. At the end nothing does, unless it was an error."""
        if self._closed and self._error is not None:
            raise self._error
        if self._changed is None:
            self._changed = asyncio.get_running_loop().create_future()
        await asyncio.wait([self._changed, *filter(None, [unless])], return_when=asyncio.FIRST_COMPLETED)

    def _relieve(self, recorder: Recorder, cursor: Cursor) -> None:
        """Let the program write again once its reader has come close."""
        run = self._run
        if run is not None and cursor is self._pressure and run.recorder is recorder and not _lags(recorder, cursor):
            run.resume_output()

    def _notify(self) -> None:
        if self._changed is not None and not self._changed.done():
            self._changed.set_result(None)
        self._changed = None


def _lags(recorder: Recorder, cursor: Cursor) -> bool:
    """Whether a reader is so far behind that the program should wait for it."""
    return recorder.kept_bytes - cursor.read > BACK_PRESSURE_BYTES
