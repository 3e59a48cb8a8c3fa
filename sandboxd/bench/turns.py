"""Processes that take turns: each does its work once for every byte that it is sent, and says how long that took.

So that what is compared is measured by the same clock, in a process of its own that does nothing else, and its turns can
be taken between those of others. What a process says for a turn is a line of integers: nanoseconds, and what more it has.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from typing import IO

from sandboxd.linux.procfs import children


class Broken(Exception):
    """Something that is measured did not do its work. The message says what it said."""


class TurnTaker:
    """A process that was started to take turns."""

    def __init__(self, name: str, process: subprocess.Popen[bytes], log: IO[bytes]) -> None:
        self._name = name
        self._process = process
        self._log = log

    def workers(self) -> Sequence[int]:
        """Name it and the processes that it has started and that live: between two turns, those that work for it in all."""
        return [self._process.pid, *children(self._process.pid)]

    def take(self) -> Sequence[int]:
        """Have one turn taken, and return what was said of it. Broken where it ends instead."""
        self.begin(1)
        return self.result()

    def begin(self, turns: int) -> None:
        """Have so many turns taken, one after the other, without waiting for them."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(b"." * turns)
            self._process.stdin.flush()
        except BrokenPipeError:
            self._fail()

    def result(self) -> Sequence[int]:
        """Wait for the next turn's end."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            self._fail()
        return [int(word) for word in line.split()]

    def _fail(self) -> None:
        self._process.wait()
        self._log.seek(0)
        said = self._log.read().decode(errors="replace").strip().splitlines()
        raise Broken(f"{self._name}: {said[-1] if said else f'exit status {self._process.returncode}'}")


@contextlib.contextmanager
def taking_turns(name: str, *argv: str) -> Iterator[TurnTaker]:
    """Start such a process; it ends with the block."""
    with (
        tempfile.TemporaryFile() as log,
        subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log) as process,
    ):
        try:
            yield TurnTaker(name, process, log)
        finally:
            assert process.stdin is not None
            with contextlib.suppress(BrokenPipeError):
                process.stdin.close()
            process.wait()


def python(module: str, *arguments: str) -> Sequence[str]:
    """Return the command that runs a module of this room as a process, and none of the directory where it was called."""
    return [sys.executable, "-P", "-m", f"sandboxd.bench.{module}", *arguments]


def take_turns(turn: Callable[[], Sequence[int]]) -> None:
    """Be such a process, until the end of standard input."""
    while os.read(0, 1):
        sys.stdout.write(" ".join(map(str, turn())) + "\n")
        sys.stdout.flush()
