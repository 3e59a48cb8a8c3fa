# attack = "raises its own limits above the hard ones, and goes out of the OOM killer's sight"
# threats = [24, 25]
# outcome = "OK"
# stdout = """
# CPU: EPERM
# FSIZE: EPERM
# STACK: EPERM
# NPROC: EPERM
# NOFILE: EPERM
# MEMLOCK: EPERM
# SIGPENDING: EPERM
# MSGQUEUE: EPERM
# NICE: EPERM
# RTPRIO: EPERM
# OOM killer: EACCES
# """
import os
import resource
import struct

from attack import attempt, syscall

SETRLIMIT = 160
NAMES = ["CPU", "FSIZE", "STACK", "NPROC", "NOFILE", "MEMLOCK", "SIGPENDING", "MSGQUEUE", "NICE", "RTPRIO"]


def stay():
    score = os.open("/proc/self/oom_score_adj", os.O_WRONLY)
    os.write(score, b"-1000")


for name in NAMES:
    kind = getattr(resource, f"RLIMIT_{name}")
    soft, hard = resource.getrlimit(kind)
    attempt(name, syscall, SETRLIMIT, kind, struct.pack("QQ", soft, hard + 1), 0)
attempt("OOM killer", stay)
