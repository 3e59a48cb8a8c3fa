# attack = "starts two hundred threads that hold on: it gets exactly as many as the limit allows"
# threats = [24, 25]
# limits = { processes = 20 }
# outcome = "OK"
# stdout = "19 threads\n"
# caught_by = ["cgroup"]
import threading
import time

from attack import escaped

made = 0
try:
    while made < 200:
        threading.Thread(target=time.sleep, args=(6,), daemon=True).start()
        made += 1
except RuntimeError:
    print(made, "threads")
if made > 19:
    escaped("the limit is 20 processes and threads")
