# attack = "gives init children that end before it does, to be taken for it"
# threats = [16, 20]
# outcome = "NONZERO_EXIT"
# exit_code = 3
# stdout = ""
import os
import signal
import time

from attack import syscall

CLONE, CLONE_PARENT = 56, 0x8000

for _ in range(10):
    if syscall(CLONE, CLONE_PARENT | signal.SIGCHLD, 0, 0, 0, 0) == 0:
        os._exit(42)
time.sleep(0.2)
os._exit(3)
