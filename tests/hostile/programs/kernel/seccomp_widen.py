# attack = "loads a filter of its own that allows everything, and one that would hand its calls to a listener of its own"
# threats = [44]
# outcome = "OK"
# stdout = """
# allow everything: 0
# keyctl: EPERM
# namespace: EPERM
# netlink: EAFNOSUPPORT
# allow everything in all threads: 0
# keyctl: EPERM
# a listener of its own: EBUSY
# """
# caught_by = ["seccomp"]
import ctypes
import socket
import struct

from attack import attempt, syscall

UNSHARE, KEYCTL, SECCOMP = 272, 250, 317
SET_MODE_FILTER, TSYNC, NEW_LISTENER = 1, 1, 8
ALLOW, USER_NOTIF = 0x7FFF0000, 0x7FC00000
CLONE_NEWUSER, GET_KEYRING_ID, SESSION = 0x10000000, 0, -3
RETURN = 0x06


def load(answer, flags=0):
    """Load a filter that answers the same to every call."""
    instruction = ctypes.create_string_buffer(struct.pack("HBBI", RETURN, 0, 0, answer))
    return syscall(SECCOMP, SET_MODE_FILTER, flags, struct.pack("HxxxxxxP", 1, ctypes.addressof(instruction)))


print("allow everything:", load(ALLOW))
attempt("keyctl", syscall, KEYCTL, GET_KEYRING_ID, SESSION, 0)
attempt("namespace", syscall, UNSHARE, CLONE_NEWUSER)
attempt("netlink", socket.socket, socket.AF_NETLINK, socket.SOCK_RAW)
print("allow everything in all threads:", load(ALLOW, TSYNC))
attempt("keyctl", syscall, KEYCTL, GET_KEYRING_ID, SESSION, 0)
attempt("a listener of its own", load, USER_NOTIF, NEW_LISTENER)
