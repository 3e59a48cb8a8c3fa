# attack = "cuts its address space into as many mappings as there may be, in 16 processes"
# threats = [7]
# limits = { memory_bytes = "32MiB" }
# outcome = "MEMORY_LIMIT"
# cause = "memory_bytes"
# stdout = ""
# caught_by = ["cgroup"]
import ctypes
import mmap

from attack import escaped, hold, libc

MAPPINGS = 60_000
ANONYMOUS = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS
libc.mmap.restype = ctypes.c_void_p


def take():
    address = libc.mmap(None, ctypes.c_size_t(MAPPINGS * mmap.PAGESIZE), 0, ANONYMOUS, -1, 0)
    for page in range(1, MAPPINGS, 2):
        libc.mprotect(ctypes.c_void_p(address + page * mmap.PAGESIZE), mmap.PAGESIZE, mmap.PROT_READ)


hold(16, take)
escaped("16 processes have 60,000 mappings each")
