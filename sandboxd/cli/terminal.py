"""The local terminal: raw while a remote one is on it, restored whatever happens."""

from __future__ import annotations

import contextlib
import os
import signal
import termios
import tty
from collections.abc import Callable, Iterator

from sandboxd.v1 import execution_service_pb2 as pb


def window_size() -> pb.WindowSize:
    """Return the size of the terminal, 80 by 24 where there is none."""
    try:
        size = os.get_terminal_size(1)
    except OSError:
        return pb.WindowSize(columns=80, rows=24)
    return pb.WindowSize(columns=size.columns or 80, rows=size.lines or 24)


@contextlib.contextmanager
def raw(on_resize: Callable[[], None]) -> Iterator[None]:
    """Pass every key through, and tell of new sizes."""
    if not os.isatty(0):
        yield
        return
    before = termios.tcgetattr(0)
    handler = signal.signal(signal.SIGWINCH, lambda *_: on_resize())
    tty.setraw(0)
    try:
        yield
    finally:
        termios.tcsetattr(0, termios.TCSADRAIN, before)
        signal.signal(signal.SIGWINCH, handler)
