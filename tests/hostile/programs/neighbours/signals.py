# attack = "kills everybody, by each number that a process of its neighbour may have"
# threats = [27, 29]
# beside = "neighbours/signals"
# outcome = "OK"
# stdout = """
# everybody: ESRCH
# each: ESRCH
# """
import errno
import os
import signal
import time

from attack import attempt, escaped

time.sleep(0.15)
attempt("everybody", os.kill, -1, signal.SIGKILL)
answers = set()
for pid in set(range(2, 65536)) - {os.getpid()}:
    try:
        os.kill(pid, signal.SIGKILL)
        escaped(f"killed {pid}")
    except OSError as error:
        answers.add(errno.errorcode[error.errno])
print("each:", *answers, flush=True)
if others := {int(name) for name in os.listdir("/proc") if name.isdigit()} - {os.getpid()}:
    escaped(f"processes of others: {others}")
time.sleep(0.15)
