# attack = "locks more memory than it may, by every call that does"
# threats = [7]
# outcome = "OK"
# stdout = """
# mlock: ENOMEM
# mlock2 on fault: ENOMEM
# mlockall: ENOMEM
# MAP_LOCKED: EAGAIN
# shmctl SHM_LOCK: ENOMEM
# memfd_secret: EPERM
# """
import ctypes
import mmap

from attack import attempt, checked, libc, syscall

BYTES = 32 << 20
MAP_LOCKED, MCL_CURRENT, SHM_LOCK = 0x2000, 1, 11
ANONYMOUS = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS
memory = mmap.mmap(-1, BYTES)
address = ctypes.addressof(ctypes.c_char.from_buffer(memory))
attempt("mlock", syscall, 149, address, BYTES)
attempt("mlock2 on fault", syscall, 325, address, BYTES, 1)
attempt("mlockall", syscall, 151, MCL_CURRENT)
attempt("MAP_LOCKED", lambda: mmap.mmap(-1, BYTES, flags=ANONYMOUS | MAP_LOCKED))
segment = checked(libc.shmget(0, BYTES, 0o600))
attempt("shmctl SHM_LOCK", lambda: checked(libc.shmctl(segment, SHM_LOCK, None)))
attempt("memfd_secret", syscall, 447, 0)
