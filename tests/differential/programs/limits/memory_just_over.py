# outcome = "MEMORY_LIMIT"
# limits = { memory_bytes = "64MiB" }
kept = b"x" * (64 << 20)
print(len(kept))
