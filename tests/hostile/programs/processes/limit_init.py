# attack = "takes away from init what it needs, by limits of its own"
# threats = [27, 28]
# needs = "subordinate ids"
# outcome = "OK"
# stdout = """
# CPU: EPERM
# FSIZE: EPERM
# STACK: EPERM
# CORE: EPERM
# NPROC: EPERM
# NOFILE: EPERM
# AS: EPERM
# SIGPENDING: EPERM
# looking: EPERM
# """
import os
import resource
import select
import struct

from attack import attempt, syscall

PRLIMIT, INIT = 302, 1
NAMES = ["CPU", "FSIZE", "STACK", "CORE", "NPROC", "NOFILE", "AS", "SIGPENDING"]
NOTHING = struct.pack("QQ", 0, 0)

for name in NAMES:
    attempt(name, syscall, PRLIMIT, INIT, getattr(resource, f"RLIMIT_{name}"), NOTHING, 0)
attempt("looking", resource.prlimit, INIT, resource.RLIMIT_NOFILE)
assert not select.select([os.pidfd_open(INIT)], [], [], 0)[0], "init has ended"
