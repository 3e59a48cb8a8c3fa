# attack = "takes more than its half of a CPU, with four processes"
# threats = [18]
# limits = { cpus = 0.5 }
# outcome = "OK"
# stdout = ""
import os
import resource
import time

from attack import escaped

begun = time.monotonic()
for _ in range(4):
    if os.fork() == 0:
        while time.monotonic() < begun + 0.5:
            pass
        os._exit(0)
for _ in range(4):
    os.wait()
elapsed = time.monotonic() - begun
children = resource.getrusage(resource.RUSAGE_CHILDREN)
used = children.ru_utime + children.ru_stime
if used > 0.5 * elapsed + 0.1:  # a period of 0.1 s may have begun before, and on each CPU a slice may be passed
    escaped(f"{used:.2f} s of CPU time in {elapsed:.2f} s")
