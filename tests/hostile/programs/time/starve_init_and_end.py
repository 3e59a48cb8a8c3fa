# attack = "keeps init from hearing of its end"
# threats = [17, 27]
# outcome = "NONZERO_EXIT"
# exit_code = 7
# stdout = ""
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
end = time.monotonic() + 6
for _ in range(40):
    if os.fork() == 0:
        os.sched_setaffinity(0, cpu)
        while time.monotonic() < end:
            pass
        escaped("it kept init from running for 6 s")
        os._exit(1)
os._exit(7)
