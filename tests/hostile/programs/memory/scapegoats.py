# attack = "offers the kernel 20 others to kill in its place"
# threats = [1, 11]
# limits = { memory_bytes = "48MiB" }
# outcome = "MEMORY_LIMIT"
# cause = "memory_bytes"
# stdout = """
# score: EACCES
# """
# caught_by = ["cgroup"]
import os
import time

from attack import attempt, escaped


def score(value):
    with open("/proc/self/oom_score_adj", "w") as file:
        file.write(str(value))


attempt("score", score, -1000)
for _ in range(20):
    if os.fork() == 0:
        score(1000)
        time.sleep(10)
        os._exit(0)
held = [b"x" * (1 << 20) for _ in range(256)]
escaped(f"holds {len(held)} MiB")
