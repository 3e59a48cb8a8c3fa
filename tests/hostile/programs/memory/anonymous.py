# attack = "touches eight times its memory"
# threats = [1, 9]
# limits = { memory_bytes = "32MiB" }
# outcome = "MEMORY_LIMIT"
# cause = "memory_bytes"
# stdout = ""
# caught_by = ["cgroup"]
from attack import escaped

held = [b"x" * (1 << 20) for _ in range(256)]
escaped(f"holds {len(held)} MiB")
