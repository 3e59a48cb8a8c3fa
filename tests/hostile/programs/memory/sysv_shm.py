# attack = "fills System V shared memory that it is not attached to"
# threats = [5]
# limits = { memory_bytes = "32MiB" }
# outcome = "MEMORY_LIMIT"
# cause = "memory_bytes"
# stdout = ""
# caught_by = ["cgroup"]
import ctypes

from attack import checked, escaped, libc

BYTES = 8 << 20
libc.shmat.restype = ctypes.c_void_p
for _ in range(32):
    segment = checked(libc.shmget(0, BYTES, 0o600))
    address = ctypes.c_void_p(libc.shmat(segment, None, 0))
    ctypes.memset(address, 1, BYTES)
    checked(libc.shmdt(address))
escaped("holds 256 MiB of shared memory")
