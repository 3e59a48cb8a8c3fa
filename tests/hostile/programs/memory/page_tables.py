# attack = "has the kernel make page tables, by touching one page in each 2 MiB of 256 GiB, only to read"
# threats = [7]
# limits = { memory_bytes = "32MiB" }
# outcome = "MEMORY_LIMIT"
# cause = "memory_bytes"
# stdout = ""
# caught_by = ["cgroup"]
import mmap

from attack import escaped

sparse = mmap.mmap(-1, 1 << 38, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, prot=mmap.PROT_READ)
sparse.madvise(mmap.MADV_NOHUGEPAGE)
for offset in range(0, len(sparse), 2 << 20):
    sparse[offset]
escaped("has 512 MiB of page tables")
