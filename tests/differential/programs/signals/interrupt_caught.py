import os
import signal

try:
    os.kill(os.getpid(), signal.SIGINT)
except KeyboardInterrupt as error:
    print(repr(error))
