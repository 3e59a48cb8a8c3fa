# attack = "Piston, fork.py: forks without end and without looking"
# threats = [24]
# limits = { processes = 32 }
# outcome = "OK"
# stdout = "31 children\n"
import os
import time

from attack import escaped

made = failed = 0
while made + failed < 200:
    try:
        if os.fork() == 0:
            time.sleep(5)
            os._exit(0)
        made += 1
    except BlockingIOError:
        failed += 1
if not failed:
    escaped("no limit")
print(made, "children")
