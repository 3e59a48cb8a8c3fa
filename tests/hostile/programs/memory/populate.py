# attack = "has the kernel fill a mapping at once, before the program touches it"
# threats = [12]
# limits = { memory_bytes = "32MiB" }
# outcome = "MEMORY_LIMIT"
# cause = "memory_bytes"
# stdout = ""
# caught_by = ["cgroup"]
import mmap

from attack import escaped

MADV_POPULATE_WRITE = 23
mapping = mmap.mmap(-1, 256 << 20, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
mapping.madvise(MADV_POPULATE_WRITE)
escaped("has 256 MiB")
