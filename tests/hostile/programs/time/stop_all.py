# attack = "stops itself and its children for ever"
# threats = [15]
# limits = { wall_time = "0.5s" }
# outcome = "WALL_TIME_LIMIT"
# cause = "wall_time"
# stdout = ""
import os
import signal
import time

from attack import escaped

program = os.getpid()
reader, writer = os.pipe()
if os.fork() == 0:
    os.setsid()  # so that it is not stopped with the others
    os.write(writer, b"x")
    time.sleep(6)
    escaped("it stood still for 6 s")
    os.killpg(program, signal.SIGKILL)
    os._exit(1)
os.read(reader, 1)
for _ in range(10):
    if os.fork() == 0:
        break
while True:
    os.killpg(0, signal.SIGSTOP)
