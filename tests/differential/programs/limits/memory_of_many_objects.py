# outcome = "MEMORY_LIMIT"
# limits = { memory_bytes = "48MiB" }
kept = []
while True:
    kept.append(object())
