# attack = "looks for processes that are not its own, in /proc and by number"
# threats = [27, 29]
# outcome = "OK"
# stdout = """
# bait in /proc: ENOENT
# bait by number: ESRCH
# init in /proc: ENOENT
# """
import contextlib
import os
import time

from attack import attempt, bait, escaped

OWN, INIT = os.getpid(), 1

child = os.fork()
if child == 0:
    time.sleep(6)
    os._exit(0)
attempt("bait in /proc", os.stat, "/proc/" + bait("PID"))
attempt("bait by number", os.getpgid, int(bait("PID")))
attempt("init in /proc", os.stat, "/proc/1")
seen = {int(name) for name in os.listdir("/proc") if name.isdigit()}
for number in range(1, 1 << 15):
    with contextlib.suppress(ProcessLookupError):
        os.getpgid(number)
        seen.add(number)
if seen - {INIT} != {OWN, child}:
    escaped(f"it sees {sorted(seen)}")
