import os
import signal

got = []
signal.signal(signal.SIGCHLD, lambda number, frame: got.append(number))
if os.fork() == 0:
    os._exit(0)
os.wait()
print(got)
