# attack = "leaves its dead children unburied, and makes two hundred orphans for init to bury"
# threats = [26]
# limits = { processes = 20, cpu_time = "100s", wall_time = "200s" }
# outcome = "OK"
# stdout = """
# 19 zombies
# 200 orphans
# """
# caught_by = ["cgroup"]
import contextlib
import os
import time

from attack import escaped


def fork_dead():
    if os.fork() == 0:
        os._exit(0)


zombies = 0
with contextlib.suppress(BlockingIOError):
    while zombies < 200:
        fork_dead()
        zombies += 1
print(zombies, "zombies", flush=True)
if zombies > 19:
    escaped("the limit is 20 processes, and what nobody has waited for is one still")
for _ in range(zombies):
    os.wait()

orphans, end = 0, time.monotonic() + 100
while orphans < 200 and time.monotonic() < end:
    try:
        pid = os.fork()
    except BlockingIOError:  # init needs its time
        time.sleep(0.01)
        continue
    if pid == 0:
        try:
            fork_dead()
        except BlockingIOError:
            os._exit(1)
        os._exit(0)
    orphans += os.wait()[1] == 0
print(orphans, "orphans")
