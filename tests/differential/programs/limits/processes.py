# outcome = "PROCESS_LIMIT"
# limits = { processes = 8 }
import os
import time

children = []
for _ in range(20):
    child = os.fork()
    if child == 0:
        time.sleep(30)
        os._exit(0)
    children.append(child)
