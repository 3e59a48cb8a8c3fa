# attack = "ends itself with its group, by a real-time signal"
# threats = [27]
# outcome = "SIGNALED"
# signal = 64
# stdout = ""
import os
import time

from attack import escaped

if os.fork() == 0:
    os.kill(0, 64)
time.sleep(6)
escaped("it survived the last of all signals")
