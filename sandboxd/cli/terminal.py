"""The local terminal: raw while a remote one is on it, restored whatever happens."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import termios
import tty
from collections.abc import Callable, Iterator

from sandboxd.v1 import execution_service_pb2 as pb


def window_size() -> pb.WindowSize:
    """Return the size of the terminal, 80 by 24 where there is none."""
    try:
        size = os.get_terminal_size(sys.stdout.fileno())
    except OSError:
        return pb.WindowSize(columns=80, rows=24)
    return pb.WindowSize(columns=size.columns or 80, rows=size.lines or 24)


@contextlib.contextmanager
def raw(on_resize: Callable[[], None]) -> Iterator[None]:
    """Pass every key through, and tell of new sizes."""
    if not sys.stdin.isatty():
        yield
        return
    before = termios.tcgetattr(sys.stdin)
    handler = signal.signal(signal.SIGWINCH, lambda *_: on_resize())
    tty.setraw(sys.stdin)
    try:
        yield
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)
        signal.signal(signal.SIGWINCH, handler)
