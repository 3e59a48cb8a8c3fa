# attack = "snekbox, issue 83: has its memory counted with its neighbour's, so that both together have too much"
# threats = [1]
# beside = "published/snekbox_83"
# limits = { memory_bytes = "64MiB" }
# outcome = "OK"
# stdout = "40 MiB\n"
import time

block = b"x" * (40 << 20)
time.sleep(0.3)
print(len(block) >> 20, "MiB")
