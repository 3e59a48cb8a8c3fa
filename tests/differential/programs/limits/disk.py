# outcome = "DISK_LIMIT"
# limits = { disk_bytes = "1MiB" }
with open("large", "wb") as file:
    file.write(b"x" * (3 << 20))
