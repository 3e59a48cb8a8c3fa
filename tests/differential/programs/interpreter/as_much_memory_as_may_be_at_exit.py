# As many objects as there can be, and a little more: who counts them needs as much again.
# limits = { memory_bytes = "256MiB" }
import os

os.lists = [[] for _ in range(3_400_000)]
print("end")
