# attack = "clones itself into new namespaces, one of each kind, and with a process number of its choice"
# threats = [19, 24]
# outcome = "OK"
# stdout = """
# mount: EPERM
# cgroup: EPERM
# uts: EPERM
# ipc: EPERM
# pid: EPERM
# net: EPERM
# number: ENOSYS
# """
# caught_by = ["seccomp", "capabilities"]
import ctypes
import os
import signal
import struct

from attack import attempt, syscall

CLONE, CLONE3 = 56, 435
NAMESPACES = {
    "mount": 0x00020000,
    "cgroup": 0x02000000,
    "uts": 0x04000000,
    "ipc": 0x08000000,
    "pid": 0x20000000,
    "net": 0x40000000,
}


def clone(flag):
    if syscall(CLONE, flag | signal.SIGCHLD, 0, 0, 0, 0) == 0:
        os._exit(0)


def clone_as(number):
    wish = ctypes.c_int(number)
    arguments = struct.pack("10Q", 0, 0, 0, 0, signal.SIGCHLD, 0, 0, 0, ctypes.addressof(wish), 1)
    if syscall(CLONE3, arguments, len(arguments)) == 0:
        os._exit(0)


for name, flag in NAMESPACES.items():
    attempt(name, clone, flag)
attempt("number", clone_as, 4242)
