# attack = "ends, and leaves daemons that hold its output open and ignore every signal"
# threats = [16]
# outcome = "OK"
# stdout = "the end\n"
import os
import signal
import time

from attack import escaped

for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
    signal.signal(number, signal.SIG_IGN)
for _ in range(20):
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            time.sleep(6)
            escaped("a daemon lived for 6 s more")
        os._exit(0)
print("the end")
