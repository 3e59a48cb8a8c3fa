# attack = "spins in twenty processes, each of them for less than the limit"
# threats = [13]
# limits = { cpu_time = "0.4s" }
# outcome = "CPU_TIME_LIMIT"
# cause = "cpu_time"
# stdout = ""
import os
import time

from attack import escaped

for _ in range(20):
    if os.fork() == 0:
        while time.process_time() < 0.2:
            pass
        os._exit(0)
for _ in range(20):
    os.wait()
escaped("20 processes of 0.2 s each")
