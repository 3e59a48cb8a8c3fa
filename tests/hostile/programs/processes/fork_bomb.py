# attack = "forks children that fork children, all of them as many as they can"
# threats = [24, 25]
# limits = { processes = 16, wall_time = "20s" }
# outcome = "OK"
# stdout = "15 more processes\n"
# caught_by = ["cgroup"]
import contextlib
import os
import select
import time

from attack import escaped

LEVELS = [6, 5, 4]  # 156 in all
born, writer = os.pipe()


def explode(level):
    """Fork so many, each of which does the same a level lower."""
    with contextlib.suppress(BlockingIOError):
        for _ in range(LEVELS[level]):
            if os.fork() == 0:
                os.write(writer, b"x")
                if level + 1 < len(LEVELS):
                    explode(level + 1)
                time.sleep(6)
                os._exit(0)


explode(0)
count = 0
while count < 15 or select.select([born], [], [], 0.1)[0]:
    count += len(os.read(born, 1))
print(count, "more processes")
if count > 15:
    escaped("the limit is 16 processes")
