# attack = "ends its main thread, and lives on in another"
# threats = [20]
# limits = { wall_time = "0.5s" }
# outcome = "WALL_TIME_LIMIT"
# cause = "wall_time"
# stdout = ""
import os
import threading
import time

from attack import escaped, syscall

EXIT = 60


def live_on():
    time.sleep(6)
    escaped("a thread lived for 6 s more")
    os._exit(1)


threading.Thread(target=live_on).start()
syscall(EXIT, 0)
