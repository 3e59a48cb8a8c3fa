# attack = "fails because it is refused a thread: the verdict must name the limit"
# threats = [25]
# limits = { processes = 20 }
# outcome = "PROCESS_LIMIT"
# exit_code = 1
# cause = "processes"
# stdout = ""
import threading
import time

from attack import escaped

for _ in range(200):
    threading.Thread(target=time.sleep, args=(6,), daemon=True).start()
escaped("200 threads")
