# attack = "is killed by its child while it executes one program after the other"
# threats = [19, 20]
# outcome = "SIGNALED"
# signal = 9
# stdout = ""
import os
import signal
import time

SCRIPT = '[ $1 -lt 3000 ] && exec bash -c "$0" "$0" $(($1 + 1)); echo ESCAPED it was not killed'

program = os.getpid()
if os.fork() == 0:
    time.sleep(0.2)
    os.kill(program, signal.SIGKILL)
    os._exit(0)
os.execv("/bin/bash", ["bash", "-c", SCRIPT, SCRIPT, "0"])
