# attack = "Docker 2014, Shocker: opens the host's root by a handle that it guesses"
# threats = [35]
# outcome = "SECURITY_VIOLATION"
# blocked_syscall = "open_by_handle_at"
# stdout = "handle of own root: EPERM\n"
# caught_by = ["seccomp", "capabilities"]
import ctypes
import os
import struct

from attack import attempt, syscall

NAME_TO_HANDLE_AT, OPEN_BY_HANDLE_AT, AT_FDCWD = 303, 304, -100
handle = ctypes.create_string_buffer(struct.pack("Ii", 128, 0), 8 + 128)
attempt("handle of own root", syscall, NAME_TO_HANDLE_AT, AT_FDCWD, b"/", handle, bytes(4), 0)
guess = struct.pack("IiIIQ", 16, 1, 2, 0, 0)
attempt("the host's root", syscall, OPEN_BY_HANDLE_AT, os.open("/workspace", os.O_RDONLY), guess, os.O_RDONLY)
