# attack = "writes more than its disk into all places together, and reserves more"
# threats = [31]
# limits = { disk_bytes = "8MiB" }
# outcome = "DISK_LIMIT"
# cause = "disk_bytes"
# exit_code = 1
# stdout = """
# /workspace: ENOSPC
# /tmp: ENOSPC
# /dev/shm: ENOSPC
# reserve: ENOSPC
# """
import os
import sys

from attack import attempt, checked, escaped, libc

FALLOC_FL_KEEP_SIZE = 1
files = []


def fill(path):
    files.append(open(path, "wb", buffering=0))
    for _ in range(16):
        files[-1].write(bytes(1 << 20))


for place in ("/workspace", "/tmp", "/dev/shm"):
    attempt(place, fill, f"{place}/file")
attempt("reserve", lambda: checked(libc.fallocate(files[0].fileno(), FALLOC_FL_KEEP_SIZE, 16 << 20, 1 << 20)))
if sum(os.fstat(file.fileno()).st_size for file in files) > 8 << 20:
    escaped("more than 8 MiB in files")
sys.exit(1)
