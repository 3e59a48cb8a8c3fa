# limits = { memory_bytes = "64MiB" }
kept = b"x" * (48 << 20)
print(len(kept))
