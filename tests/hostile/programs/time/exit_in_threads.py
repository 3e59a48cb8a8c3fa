# attack = "ends the process in twenty threads at once while its children die"
# threats = [20]
# outcome = "NONZERO_EXIT"
# exit_code = 7
# stdout = ""
import os
import threading
import time

from attack import escaped, syscall

EXIT_GROUP = 231
together = threading.Barrier(20)


def end():
    together.wait()
    syscall(EXIT_GROUP, 7)


for _ in range(10):
    if os.fork() == 0:
        os._exit(1)
for _ in range(20):
    threading.Thread(target=end).start()
time.sleep(6)
escaped("it lived for 6 s more")
