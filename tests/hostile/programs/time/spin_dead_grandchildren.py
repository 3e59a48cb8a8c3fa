# attack = "spins in grandchildren, one after the other, that nobody waits for: no process that lives has used much"
# threats = [13]
# limits = { cpu_time = "0.4s" }
# outcome = "CPU_TIME_LIMIT"
# cause = "cpu_time"
# stdout = ""
import os
import signal
import time

from attack import escaped

signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # so that its own children are never added to what it has used
for _ in range(40):
    reader, writer = os.pipe()
    if os.fork() == 0:
        if os.fork() == 0:
            while time.process_time() < 0.05:
                pass
        os._exit(0)
    os.close(writer)
    os.read(reader, 1)  # until they are dead
    os.close(reader)
escaped(f"40 grandchildren of 0.05 s each, and {time.process_time():.2f} s of its own")
