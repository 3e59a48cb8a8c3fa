# attack = "locks most of the shared memory that a user may while its neighbour does"
# threats = [5, 7]
# beside = "neighbours/locked_memory"
# outcome = "OK"
# stdout = "most of it\n"
import resource
import time

from attack import checked, escaped, libc

IPC_PRIVATE, IPC_CREAT, SHM_LOCK = 0, 0o1000, 11
size = min(resource.getrlimit(resource.RLIMIT_MEMLOCK)[0], 64 << 20) * 5 // 8
segment = checked(libc.shmget(IPC_PRIVATE, size, IPC_CREAT | 0o600))
try:
    checked(libc.shmctl(segment, SHM_LOCK, None))
except OSError as error:
    escaped(f"a neighbour's locked memory counts: {error.strerror} for {size} bytes")
time.sleep(0.3)
print("most of it")
