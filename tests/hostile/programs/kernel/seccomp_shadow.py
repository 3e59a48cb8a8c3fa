# attack = "puts filters of its own before the one that would end it, so that a deadly call is answered by them"
# threats = [41, 44]
# outcome = "OK"
# stdout = """
# by an errno: ENOMSG
# by a listener that is not there: ENOSYS
# """
# caught_by = []
import ctypes
import os
import struct

from attack import attempt, syscall

SECCOMP, SWAPOFF = 317, 168
SET_MODE_FILTER, LOAD, EQUAL, RETURN = 1, 0x20, 0x15, 0x06
ALLOW, ERRNO, USER_NOTIF = 0x7FFF0000, 0x00050000, 0x7FC00000
ENOMSG = 42


def swapoff(answer):
    """Have a child answer it so, and make it."""
    if child := os.fork():
        return os.waitpid(child, 0)
    code = ((LOAD, 0, 0, 0), (EQUAL, 0, 1, SWAPOFF), (RETURN, 0, 0, answer), (RETURN, 0, 0, ALLOW))
    program = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *instruction) for instruction in code))
    syscall(SECCOMP, SET_MODE_FILTER, 0, struct.pack("HxxxxxxP", len(code), ctypes.addressof(program)))
    attempt(NAMES[answer], syscall, SWAPOFF, b"/nonexistent")
    os._exit(0)


NAMES = {ERRNO | ENOMSG: "by an errno", USER_NOTIF: "by a listener that is not there"}
for name in NAMES:
    swapoff(name)
