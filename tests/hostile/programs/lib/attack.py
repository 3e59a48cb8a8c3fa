"""What attacks in Python share: each attempt prints a line, with what the kernel answered, or ESCAPED."""

import ctypes
import errno
import os

libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long
WALLS = ("EPERM", "ENOSYS", "EAFNOSUPPORT")


def bait(name):
    """Return where the host has laid out what this program must not get at, such as TCP."""
    return os.environ["BAIT_" + name]


def escaped(what):
    """Say that a wall did not hold."""
    print("ESCAPED", what, flush=True)


def attempt(what, call, *args):
    """Make a call that must fail with an OSError, and print its errno."""
    try:
        result = call(*args)
    except OSError as error:
        print(f"{what}: {errno.errorcode[error.errno]}", flush=True)
    else:
        escaped(f"{what}: {result!r}")


def checked(result):
    """Return what a C function returned. OSError where that is -1."""
    if result == -1:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result


def syscall(number, *args):
    """Make a system call by its number. OSError where it fails."""
    return checked(libc.syscall(ctypes.c_long(number), *(ctypes.c_long(a) if isinstance(a, int) else a for a in args)))


def hold(count, take, *args):
    """Fork children that each take something and keep it. Returns when all hold it at once: nothing has stopped them."""
    reader, writer = os.pipe()
    until, open_while_this_lives = os.pipe()
    for _ in range(count):
        if os.fork() == 0:
            os.close(open_while_this_lives)
            taken = take(*args)
            os.write(writer, b".")
            os.read(until, 1)
            os._exit(taken is None)
    for _ in range(count):
        os.read(reader, 1)


def refused(what, number, *args):
    """Make a system call with arguments that do no harm: an errno that is not a wall's comes from behind it."""
    try:
        result = syscall(number, *args)
    except OSError as error:
        name = errno.errorcode[error.errno]
        if name in WALLS:
            print(f"{what}: {name}", flush=True)
        else:
            escaped(f"{what}: {name}")
    else:
        escaped(f"{what}: {result}")
