# attack = "kills everybody that it can, and so the program, from a child"
# threats = [27]
# outcome = "SIGNALED"
# signal = 9
# stdout = ""
import os
import signal
import time

from attack import escaped

if os.fork() == 0:
    os.setsid()
    os.kill(-1, signal.SIGKILL)
    time.sleep(6)
    os._exit(0)
time.sleep(6)
escaped("it survived a kill of everybody")
