# attack = "keeps files that have no name any more, or never had one"
# threats = [4]
# limits = { memory_bytes = "32MiB", disk_bytes = "512MiB" }
# outcome = "MEMORY_LIMIT"
# cause = "memory_bytes"
# stdout = ""
# caught_by = ["cgroup"]
import os
import tempfile

from attack import escaped

CHUNK = bytes(2 << 20)
held = []
for _ in range(64):
    held.append(tempfile.TemporaryFile(dir="/dev/shm"))
    held.append(os.fdopen(os.open("/tmp", os.O_TMPFILE | os.O_RDWR), "wb"))
    for file in held[-2:]:
        file.write(CHUNK)
        file.flush()
escaped("holds 256 MiB of files without a name")
