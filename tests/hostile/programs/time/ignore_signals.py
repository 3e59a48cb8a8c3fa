# attack = "ignores and blocks every signal, in itself and in its children"
# threats = [15]
# limits = { wall_time = "0.4s" }
# outcome = "WALL_TIME_LIMIT"
# cause = "wall_time"
# stdout = ""
import os
import signal
import time

from attack import escaped

EVERY = signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}
for number in EVERY:
    signal.signal(number, signal.SIG_IGN)
signal.pthread_sigmask(signal.SIG_BLOCK, EVERY)
for _ in range(10):
    if os.fork() == 0:
        break
time.sleep(6)
escaped("it ignored all signals for 6 s")
