# limits = { processes = 8 }
import os
import signal

children = []
try:
    for _ in range(20):
        child = os.fork()
        if child == 0:
            signal.pause()
        children.append(child)
except BlockingIOError as error:
    print(len(children), error)
for child in children:
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
