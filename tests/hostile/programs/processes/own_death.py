# attack = "has its own filter kill it, to look as if the policy had"
# threats = [44]
# outcome = "SIGNALED"
# signal = 31
# stdout = ""
import ctypes
import os
import struct

from attack import escaped, syscall

SECCOMP, SET_MODE_FILTER, KILL_PROCESS, ALLOW, UNAME = 317, 1, 0x80000000, 0x7FFF0000, 63
INSTRUCTIONS = [(0x20, 0, 0, 0), (0x15, 0, 1, UNAME), (0x06, 0, 0, KILL_PROCESS), (0x06, 0, 0, ALLOW)]

code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *instruction) for instruction in INSTRUCTIONS))
syscall(SECCOMP, SET_MODE_FILTER, 0, struct.pack("HxxxxxxQ", len(INSTRUCTIONS), ctypes.addressof(code)))
os.uname()
escaped("it survived its own filter")
