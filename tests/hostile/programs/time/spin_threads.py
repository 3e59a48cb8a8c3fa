# attack = "spins in twenty threads, each of them for less than the limit"
# threats = [13]
# limits = { cpu_time = "0.3s" }
# outcome = "CPU_TIME_LIMIT"
# cause = "cpu_time"
# stdout = ""
import hashlib
import threading
import time

from attack import escaped

BLOCK = bytes(1 << 20)  # while so much is hashed other threads run


def spin():
    while time.thread_time() < 0.08:
        hashlib.sha256(BLOCK)


threads = [threading.Thread(target=spin) for _ in range(20)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
escaped("20 threads of 0.08 s each")
