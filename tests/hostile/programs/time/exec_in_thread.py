# attack = "executes another program in one of its threads, which ends the others"
# threats = [20]
# outcome = "OK"
# stdout = "executed\n"
import os
import threading
import time

from attack import escaped

for _ in range(10):
    threading.Thread(target=time.sleep, args=(6,)).start()
threading.Thread(target=os.execv, args=("/bin/echo", ["echo", "executed"])).start()
time.sleep(6)
escaped("its main thread lived on")
