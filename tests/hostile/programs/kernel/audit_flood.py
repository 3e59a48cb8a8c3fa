# attack = "has the kernel write each of its calls into the host's log, by a filter of its own"
# threats = [44]
# outcome = "OK"
# stdout = "no filter of its own\n"
# caught_by = ["seccomp"]
import ctypes
import os
import struct

from attack import escaped, syscall

SECCOMP, SET_MODE_FILTER, RETURN, LOG = 317, 1, 0x06, 0x7FFC0000
instruction = ctypes.create_string_buffer(struct.pack("HBBI", RETURN, 0, 0, LOG))

try:
    syscall(SECCOMP, SET_MODE_FILTER, 0, struct.pack("HxxxxxxP", 1, ctypes.addressof(instruction)))
except OSError:
    print("no filter of its own")
else:
    for _ in range(20):
        os.getppid()
    escaped("20 calls are in the host's log")
