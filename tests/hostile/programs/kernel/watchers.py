# attack = "asks for what watches or stops others: fanotify, performance counters, BPF, page faults in user space, secret memory"
# threats = [12, 38, 41]
# outcome = "OK"
# stdout = """
# fanotify: EPERM
# counter of its own: EPERM
# counter of the machine: EPERM
# BPF map: EPERM
# BPF program: EPERM
# page faults: EPERM
# page faults by a device: ENOENT
# secret memory: EPERM
# file handle: EPERM
# """
# caught_by = ["seccomp"]
import os
import struct

from attack import attempt, syscall

PERF_EVENT_OPEN, FANOTIFY_INIT, NAME_TO_HANDLE_AT, BPF, USERFAULTFD, MEMFD_SECRET = 298, 300, 303, 321, 323, 447
AT_FDCWD, FAN_REPORT_FID, MAP_CREATE, PROG_LOAD, USER_MODE_ONLY = -100, 0x200, 0, 5, 1
# A software clock of user space only.
COUNTER = struct.pack("=IIQQQQQ", 1, 64, 0, 0, 0, 0, 0b1100000).ljust(64, b"\0")
ARRAY_OF_ONE = struct.pack("=5I", 2, 4, 4, 1, 0).ljust(64, b"\0")
HANDLE = struct.pack("=Ii", 128, 0).ljust(136, b"\0")

attempt("fanotify", syscall, FANOTIFY_INIT, FAN_REPORT_FID, os.O_RDONLY)
attempt("counter of its own", syscall, PERF_EVENT_OPEN, COUNTER, 0, -1, -1, 0)
attempt("counter of the machine", syscall, PERF_EVENT_OPEN, COUNTER, -1, 0, -1, 0)
attempt("BPF map", syscall, BPF, MAP_CREATE, ARRAY_OF_ONE, len(ARRAY_OF_ONE))
attempt("BPF program", syscall, BPF, PROG_LOAD, bytes(64), 64)
attempt("page faults", syscall, USERFAULTFD, USER_MODE_ONLY)
attempt("page faults by a device", os.open, "/dev/userfaultfd", os.O_RDWR)
attempt("secret memory", syscall, MEMFD_SECRET, 0)
attempt("file handle", syscall, NAME_TO_HANDLE_AT, AT_FDCWD, b"/usr", HANDLE, bytes(4), 0)
