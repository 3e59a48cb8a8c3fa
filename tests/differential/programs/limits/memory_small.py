# limits = { memory_bytes = "20MiB" }
print("small")
