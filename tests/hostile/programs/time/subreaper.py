# attack = "ends, and leaves a child that adopts all orphans"
# threats = [16, 45]
# outcome = "NONZERO_EXIT"
# exit_code = 3
# stdout = ""
import os
import time

from attack import checked, escaped, libc

PR_SET_CHILD_SUBREAPER = 36

ready, writer = os.pipe()
if os.fork() == 0:
    checked(libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0))
    for _ in range(20):
        if os.fork() == 0:
            if os.fork() == 0:
                break
            os._exit(0)
        os.wait()
    else:
        os.write(writer, b"x")
    time.sleep(6)
    escaped("an orphan lived for 6 s more")
    os._exit(1)
os.read(ready, 1)
os._exit(3)
