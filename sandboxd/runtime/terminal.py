"""A pseudo-terminal seen from its master. See pty(7) and ioctl_tty(2)."""

from __future__ import annotations

import fcntl
import os
import struct
import termios

from sandboxd.model import WindowSize

_TIOCGPTN = 0x80045430
_UNIX98_SLAVE_MAJOR = 136


def resize(master: int, window: WindowSize) -> None:
    """Set the size; the foreground process group gets SIGWINCH."""
    fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", window.rows, window.columns, 0, 0))


def slave_device(master: int) -> int:
    """Return the device number of the slave, unique within its container."""
    (number,) = struct.unpack("I", fcntl.ioctl(master, _TIOCGPTN, bytes(4)))
    return os.makedev(_UNIX98_SLAVE_MAJOR, number)
