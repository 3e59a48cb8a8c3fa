# attack = "has 32 children, one after the other, fill a mapping that they share, so that none has much"
# threats = [4]
# limits = { memory_bytes = "32MiB" }
# outcome = "MEMORY_LIMIT"
# cause = "memory_bytes"
# stdout = ""
# caught_by = ["cgroup"]
import mmap
import os

from attack import escaped

PART = 8 << 20
shared = mmap.mmap(-1, 32 * PART)
for number in range(32):
    if os.fork() == 0:
        for offset in range(number * PART, (number + 1) * PART, mmap.PAGESIZE):
            shared[offset] = 1
        os._exit(0)
    if os.wait()[1]:
        break
else:
    escaped("a shared mapping has 256 MiB")
