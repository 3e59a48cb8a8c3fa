# limits = { memory_bytes = "64MiB" }
import mmap

# 0x4000: MAP_NORESERVE.
kept = mmap.mmap(-1, 4 << 30, flags=mmap.MAP_PRIVATE | 0x4000)
print(len(kept))
