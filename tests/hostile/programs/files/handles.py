# attack = "opens a file by its number, past every path: Shocker"
# threats = [35]
# outcome = "SECURITY_VIOLATION"
# blocked_syscall = "open_by_handle_at"
# stdout = """
# name_to_handle_at: EPERM
# """
# caught_by = ["seccomp"]
import ctypes
import os
import struct

from attack import attempt, syscall

AT_FDCWD = -100
handle = ctypes.create_string_buffer(struct.pack("IiQQ", 16, 1, 2, 0))  # inode 2: the root of most file systems
attempt("name_to_handle_at", syscall, 303, AT_FDCWD, b"/tmp", handle, ctypes.byref(ctypes.c_int()), 0)
attempt("open_by_handle_at", syscall, 304, os.open("/tmp", os.O_RDONLY), handle, os.O_RDONLY)
