# outcome = "MEMORY_LIMIT"
# limits = { memory_bytes = "32MiB" }
with open("/tmp/large", "wb") as file:
    for _ in range(60):
        file.write(b"x" * (1 << 20))
        file.flush()
