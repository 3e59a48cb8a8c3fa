# outcome = "SIGNALED"
import atexit
import os
import signal

atexit.register(print, "handler")
os.kill(os.getpid(), signal.SIGINT)
