# attack = "keeps init from running: its class idle, its CPU full of hogs"
# threats = [17, 27]
# limits = { wall_time = "0.6s" }
# outcome = "WALL_TIME_LIMIT"
# cause = "wall_time"
# stdout = ""
# beside = "time/read_stdin"
import contextlib
import os
import time

from attack import escaped

cpu = {min(os.sched_getaffinity(0))}
for change, *arguments in (
    (os.sched_setaffinity, 1, cpu),
    (os.setpriority, os.PRIO_PROCESS, 1, 19),
    (os.sched_setscheduler, 1, os.SCHED_IDLE, os.sched_param(0)),
):
    with contextlib.suppress(PermissionError):
        change(*arguments)
os.sched_setaffinity(0, cpu)
end = time.monotonic() + 6
for _ in range(40):
    if os.fork() == 0:
        break
while time.monotonic() < end:
    pass
escaped("it kept init from running for 6 s")
