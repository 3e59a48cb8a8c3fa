# attack = "bubblewrap, CVE-2017-5226: types into the terminal of whoever started it"
# threats = [47]
# outcome = "OK"
# stdout = """
# /dev/tty: ENXIO
# 0: ENOTTY
# 1: ENOTTY
# 2: ENOTTY
# paste: ENOTTY
# """
import fcntl
import os
import termios

from attack import attempt

TIOCLINUX, PASTE = 0x541C, b"\x03"
attempt("/dev/tty", os.open, "/dev/tty", os.O_RDWR)
for fd in (0, 1, 2):
    attempt(fd, fcntl.ioctl, fd, termios.TIOCSTI, b"x")
attempt("paste", fcntl.ioctl, 0, TIOCLINUX, PASTE)
