# attack = "becomes the one who answers system calls, for itself and its children"
# threats = [44]
# outcome = "OK"
# stdout = "listener: EBUSY\n"
import ctypes
import struct

from attack import attempt, syscall

SECCOMP, SET_MODE_FILTER, NEW_LISTENER, USER_NOTIF, ALLOW, UNAME = 317, 1, 8, 0x7FC00000, 0x7FFF0000, 63
INSTRUCTIONS = [(0x20, 0, 0, 0), (0x15, 0, 1, UNAME), (0x06, 0, 0, USER_NOTIF), (0x06, 0, 0, ALLOW)]

code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *instruction) for instruction in INSTRUCTIONS))
program = struct.pack("HxxxxxxQ", len(INSTRUCTIONS), ctypes.addressof(code))
attempt("listener", syscall, SECCOMP, SET_MODE_FILTER, NEW_LISTENER, program)
