# attack = "looks for a terminal to type into where it has none: the host's, its session's, a new one"
# threats = [47]
# outcome = "OK"
# stdout = """
# /dev/tty: ENXIO
# /dev/console: ENOENT
# /dev/tty1: ENOENT
# /dev/pts/0: ENOENT
# type into stdin: ENOTTY
# steal stdin: ENOTTY
# of another session: refused
# steal it: EPERM
# """
# caught_by = []
import fcntl
import os
import termios

from attack import attempt, escaped

for path in ("/dev/tty", "/dev/console", "/dev/tty1", "/dev/pts/0"):
    attempt(path, os.open, path, os.O_RDWR | os.O_NOCTTY)
attempt("type into stdin", fcntl.ioctl, 0, termios.TIOCSTI, b"x")
attempt("steal stdin", fcntl.ioctl, 0, termios.TIOCSCTTY, 1)
# A terminal of the program's own devpts is another session's: that of a child.
master, slave = os.openpty()
reader, writer = os.pipe()
if os.fork() == 0:
    os.setsid()
    fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
    os.write(writer, b"x")
    os.read(master, 1)
    os._exit(0)
os.read(reader, 1)
try:
    fcntl.ioctl(slave, termios.TIOCSTI, b"x")
    escaped("it types into another session's")
except OSError:  # EPERM; EIO where dev.tty.legacy_tiocsti of Linux 6.2 is off
    print("of another session: refused", flush=True)
attempt("steal it", fcntl.ioctl, slave, termios.TIOCSCTTY, 1)
os.write(slave, b"x")
os.wait()
