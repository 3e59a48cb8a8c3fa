# attack = "does with its terminal what is the host's: types into it, takes the console, hangs it up"
# threats = [47]
# tty = true
# outcome = "OK"
# stdout = "console: EPERM\r\nLinux console: ENOTTY\r\nhang it up: EPERM\r\n/dev/tty1: ENOENT\r\nit is the first of its own\r\n"
# caught_by = []
import contextlib
import fcntl
import os
import termios

from attack import attempt, escaped

TIOCLINUX, TIOCCONS, TIOCVHANGUP, PASTE = 0x541C, 0x541D, 0x5437, b"\3"

attempt("console", fcntl.ioctl, 0, TIOCCONS)
attempt("Linux console", fcntl.ioctl, 0, TIOCLINUX, PASTE)
attempt("hang it up", fcntl.ioctl, 0, TIOCVHANGUP)
attempt("/dev/tty1", os.open, "/dev/tty1", os.O_RDWR)
# What it types it would be the first to read, were this not a terminal of its own, which ends with it.
*modes, settings = termios.tcgetattr(0)
modes[3] &= ~termios.ECHO
termios.tcsetattr(0, termios.TCSANOW, [*modes, settings])
with contextlib.suppress(OSError):  # dev.tty.legacy_tiocsti of Linux 6.2
    for character in b"touch /tmp/typed\n":
        fcntl.ioctl(0, termios.TIOCSTI, bytes([character]))
if (os.ttyname(0), sorted(os.listdir("/dev/pts"))) == ("/dev/pts/0", ["0", "ptmx"]):
    print("it is the first of its own")
else:
    escaped(f"{os.ttyname(0)} among {os.listdir('/dev/pts')}")
