# attack = "forks two hundred children that hold on: it gets exactly as many as the limit allows"
# threats = [24, 25]
# limits = { processes = 20 }
# outcome = "OK"
# stdout = "19 children\n"
# caught_by = ["cgroup"]
import os
import time

from attack import escaped

made = 0
try:
    while made < 200:
        if os.fork() == 0:
            time.sleep(6)
            os._exit(0)
        made += 1
except BlockingIOError:
    print(made, "children")
if made > 19:
    escaped("the limit is 20 processes")
