# attack = "keeps files in all places that it can write, each place far below the limit"
# threats = [3]
# limits = { memory_bytes = "32MiB", disk_bytes = "512MiB" }
# outcome = "MEMORY_LIMIT"
# cause = "memory_bytes"
# stdout = ""
# caught_by = ["cgroup"]
from attack import escaped

CHUNK = bytes(1 << 20)
for number in range(64):
    for place in ("/tmp", "/dev/shm", "/workspace"):
        with open(f"{place}/{number}", "wb") as file:
            file.write(CHUNK)
escaped("holds 192 MiB of files")
