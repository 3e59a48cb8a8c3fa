# attack = "asks for priority over others, and for CPUs beyond its own"
# threats = [17]
# limits = { cpus = 1.0 }
# outcome = "OK"
# stdout = """
# nice: EPERM
# setpriority: EACCES
# SCHED_FIFO: EPERM
# SCHED_RR: EPERM
# SCHED_DEADLINE: EPERM
# real-time I/O: EPERM
# nice of another: ESRCH
# CPUs of another: ESRCH
# """
import contextlib
import os
import struct

from attack import attempt, bait, escaped, syscall

SCHED_DEADLINE, SCHED_SETATTR, IOPRIO_SET, IOPRIO_WHO_PROCESS, IOPRIO_RT = 6, 314, 251, 1, 1 << 13
DEADLINE = struct.pack("IIQiIQQQ", 48, SCHED_DEADLINE, 0, 0, 0, 10_000_000, 20_000_000, 20_000_000)

attempt("nice", os.nice, -1)
attempt("setpriority", os.setpriority, os.PRIO_PROCESS, 0, -20)
attempt("SCHED_FIFO", os.sched_setscheduler, 0, os.SCHED_FIFO, os.sched_param(1))
attempt("SCHED_RR", os.sched_setscheduler, 0, os.SCHED_RR, os.sched_param(1))
attempt("SCHED_DEADLINE", syscall, SCHED_SETATTR, 0, DEADLINE, 0)
attempt("real-time I/O", syscall, IOPRIO_SET, IOPRIO_WHO_PROCESS, 0, IOPRIO_RT)
attempt("nice of another", os.setpriority, os.PRIO_PROCESS, int(bait("PID")), 19)
attempt("CPUs of another", os.sched_setaffinity, int(bait("PID")), {0})

granted = os.sched_getaffinity(0)
for cpu in set(range(256)) - granted:
    with contextlib.suppress(OSError):
        os.sched_setaffinity(0, {cpu})
        escaped(f"it runs on CPU {cpu}")
os.sched_setaffinity(0, range(256))
if len(os.sched_getaffinity(0)) != 1:
    escaped(f"it runs on {os.sched_getaffinity(0)}")
