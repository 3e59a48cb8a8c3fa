# outcome = "MEMORY_LIMIT"
# limits = { memory_bytes = "64MiB" }
kept = bytearray(80 << 20)
print("never")
