# attack = "has a child killed for memory, and exits with 0 itself"
# threats = [2]
# limits = { memory_bytes = "32MiB" }
# outcome = "MEMORY_LIMIT"
# cause = "memory_bytes"
# stdout = ""
# caught_by = ["cgroup"]
import os

from attack import escaped

child = os.fork()
if child == 0:
    held = [b"x" * (1 << 20) for _ in range(256)]
    os._exit(0)
if os.waitpid(child, 0)[1] == 0:
    escaped("the child has taken 256 MiB")
