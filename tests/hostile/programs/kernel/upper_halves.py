# attack = "hides what it asks for from the filter in the upper halves of registers, which the kernel does not look at"
# threats = [39, 40, 42, 48]
# outcome = "OK"
# stdout = """
# netlink: EAFNOSUPPORT
# old layout: EPERM
# user namespace: EPERM
# core dumps: EPERM
# core dumps by the newer call: EPERM
# """
# caught_by = ["seccomp"]
import resource
import signal
import socket
import struct

from attack import attempt, syscall

UPPER = 1 << 32
SOCKET, CLONE, PERSONALITY, SETRLIMIT, PRLIMIT64 = 41, 56, 135, 160, 302
ADDR_COMPAT_LAYOUT, CLONE_NEWUSER = 0x0200000, 0x10000000
NO_CORE = struct.pack("2Q", 0, 0)


def clone():
    if syscall(CLONE, UPPER | CLONE_NEWUSER | signal.SIGCHLD, 0, 0, 0, 0) == 0:
        syscall(60, 0)


attempt("netlink", syscall, SOCKET, UPPER | socket.AF_NETLINK, socket.SOCK_RAW, 0)
attempt("old layout", syscall, PERSONALITY, UPPER | ADDR_COMPAT_LAYOUT)
attempt("user namespace", clone)
attempt("core dumps", syscall, SETRLIMIT, UPPER | resource.RLIMIT_CORE, NO_CORE)
attempt("core dumps by the newer call", syscall, PRLIMIT64, 0, UPPER | resource.RLIMIT_CORE, NO_CORE, 0)
