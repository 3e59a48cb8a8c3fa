# attack = "takes memory in 40 processes that are each far below the limit"
# threats = [1]
# limits = { memory_bytes = "64MiB" }
# outcome = "MEMORY_LIMIT"
# cause = "memory_bytes"
# stdout = ""
# caught_by = ["cgroup"]
from attack import escaped, hold

hold(40, lambda: b"x" * (6 << 20))
escaped("40 processes hold 6 MiB each")
