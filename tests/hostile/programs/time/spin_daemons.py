# attack = "spins in daemons while it sleeps itself"
# threats = [13, 16]
# limits = { cpu_time = "0.4s" }
# outcome = "CPU_TIME_LIMIT"
# cause = "cpu_time"
# stdout = ""
import os
import time

from attack import escaped

for _ in range(4):
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            for fd in range(3):
                os.close(fd)
            while time.process_time() < 1.5:
                pass
        os._exit(0)
for _ in range(4):
    os.wait()
time.sleep(7)
escaped("4 daemons of 1.5 s each")
