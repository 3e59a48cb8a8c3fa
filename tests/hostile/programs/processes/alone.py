# attack = "tries every way to a second process where one is all that it may have"
# threats = [24, 25]
# limits = { processes = 1 }
# outcome = "OK"
# stdout = """
# fork: EAGAIN
# clone: EAGAIN
# clone3: ENOSYS
# spawn: EAGAIN
# thread: EAGAIN
# """
# caught_by = ["cgroup"]
import os
import signal
import struct

from attack import attempt, libc, syscall

CLONE, CLONE3 = 56, 435
CLONE_FS, CLONE_UNTRACED = 0x200, 0x800000


def fork():
    if os.fork() == 0:
        os._exit(0)


def clone():
    if syscall(CLONE, CLONE_FS | CLONE_UNTRACED | signal.SIGCHLD, 0, 0, 0, 0) == 0:
        os._exit(0)


def clone3():
    arguments = struct.pack("8Q", 0, 0, 0, 0, signal.SIGCHLD, 0, 0, 0)
    if syscall(CLONE3, arguments, len(arguments)) == 0:
        os._exit(0)


def thread():
    number = libc.pthread_create(bytes(8), None, libc.pause, None)
    if number:
        raise OSError(number, os.strerror(number))


attempt("fork", fork)
attempt("clone", clone)
attempt("clone3", clone3)
attempt("spawn", os.posix_spawn, "/bin/true", ["true"], {})
attempt("thread", thread)
