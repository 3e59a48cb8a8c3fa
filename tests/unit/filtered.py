"""Threads behind a seccomp filter of their own, which makes them wait with one call, and its listener."""

from __future__ import annotations

import ctypes
import struct
import threading
from queue import SimpleQueue

from sandboxd.linux import calls
from sandboxd.linux.script import Script
from tests.performing import perform, run

NOTIFIED = 600
"""A number that is no system call."""
_LOAD_NUMBER, _ELSE_ALLOW, _ANSWER = 0x20, 0x15, 0x06  # BPF_LD|BPF_W|BPF_ABS, BPF_JMP|BPF_JEQ|BPF_K, BPF_RET|BPF_K
_USER_NOTIF, _ALLOW = 0x7FC00000, 0x7FFF0000
_INSTRUCTIONS = (
    (_LOAD_NUMBER, 0, 0, 0),
    (_ELSE_ALLOW, 0, 1, NOTIFIED),
    (_ANSWER, 0, 0, _USER_NOTIF),
    (_ANSWER, 0, 0, _ALLOW),
)
_BPF = b"".join(struct.pack("=HBBI", *instruction) for instruction in _INSTRUCTIONS)


class Filtered:
    """A thread that makes the call when it is asked to. ``listener`` is the caller's; when it is closed the call fails."""

    def __init__(self) -> None:
        self._asked: SimpleQueue[bool] = SimpleQueue()
        self._answers: SimpleQueue[int] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        self.listener = self._answers.get()

    def call(self) -> None:
        """Make the call, which waits."""
        self._asked.put(True)

    def answer(self) -> int:
        """Wait for its end and return its errno."""
        return self._answers.get(timeout=10)

    def end(self) -> None:
        """Let nobody be behind the filter any more."""
        self._asked.put(False)
        self._thread.join()

    def _run(self) -> None:
        libc = ctypes.CDLL(None, use_errno=True)
        perform(calls.forbid_new_privileges)
        script = Script()
        listener = script.cell()
        calls.filter_system_calls(script, _BPF, listener)
        self._answers.put(run(script.finish(), listener))
        while self._asked.get():
            libc.syscall(ctypes.c_long(NOTIFIED))
            self._answers.put(ctypes.get_errno())


def listener() -> int:
    """Return a listener that nobody is behind."""
    filtered = Filtered()
    filtered.end()
    return filtered.listener
