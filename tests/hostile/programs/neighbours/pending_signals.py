# attack = "queues most of the signals that a user may while its neighbour does"
# threats = [8]
# beside = "neighbours/pending_signals"
# outcome = "OK"
# stdout = "most of them\n"
import os
import resource
import signal
import time

from attack import checked, escaped, libc

signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGRTMIN])
most = min(resource.getrlimit(resource.RLIMIT_SIGPENDING)[0] * 5 // 8, 10_000)
try:
    for number in range(most):
        checked(libc.sigqueue(os.getpid(), signal.SIGRTMIN, 0))
except OSError as error:
    escaped(f"a neighbour's signals count: {error.strerror} after {number} of {most}")
time.sleep(0.3)
print("most of them")
