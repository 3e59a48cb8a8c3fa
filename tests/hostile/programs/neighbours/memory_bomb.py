# attack = "fills the memory from eight processes, beside an honest neighbour"
# threats = [1]
# beside = "neighbours/honest"
# limits = { memory_bytes = "64MiB" }
# outcome = "MEMORY_LIMIT"
# cause = "memory_bytes"
# stdout = ""
import os

from attack import escaped

for _ in range(8):
    if os.fork() == 0:
        block = bytearray(100 << 20)
        escaped(f"a child has {len(block)} bytes")
        os._exit(0)
for _ in range(8):
    os.wait()
