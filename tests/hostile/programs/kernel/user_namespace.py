# attack = "asks for namespaces of its own, in which it would be root"
# threats = [34, 42]
# outcome = "OK"
# stdout = """
# unshare user: EPERM
# clone user: EPERM
# clone3 user: ENOSYS
# """
# caught_by = ["seccomp"]
import os
import signal
import struct

from attack import attempt, checked, libc, syscall

CLONE_NEWUSER = 0x10000000


def clone():
    if syscall(56, CLONE_NEWUSER | signal.SIGCHLD, 0, 0, 0, 0) == 0:
        os._exit(0)


def clone3():
    arguments = struct.pack("8Q", CLONE_NEWUSER, 0, 0, 0, signal.SIGCHLD, 0, 0, 0)
    if syscall(435, arguments, len(arguments)) == 0:
        os._exit(0)


attempt("unshare user", lambda: checked(libc.unshare(CLONE_NEWUSER)))
attempt("clone user", clone)
attempt("clone3 user", clone3)
