# attack = "keeps files that are outside of every file system"
# threats = [4]
# limits = { memory_bytes = "32MiB" }
# outcome = "MEMORY_LIMIT"
# cause = "memory_bytes"
# stdout = ""
# caught_by = ["cgroup"]
import os

from attack import escaped

CHUNK = bytes(2 << 20)
for _ in range(128):
    os.write(os.memfd_create("held"), CHUNK)
escaped("holds 256 MiB in memfds")
