# attack = "takes the host's huge pages, which no memory limit counts"
# threats = [4, 5, 7]
# outcome = "OK"
# stdout = """
# mmap: ENOMEM
# memfd: ENOSYS
# shmget: ENOSYS
# """
import ctypes
import mmap
import os

from attack import attempt, checked, libc, syscall

BYTES = 2 << 20
MAP_HUGETLB, SHM_HUGETLB, MFD_HUGETLB = 0x40000, 0o4000, 4
ANONYMOUS = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS


def memfd():
    fd = syscall(319, b"huge", MFD_HUGETLB)
    os.ftruncate(fd, BYTES)
    return mmap.mmap(fd, BYTES)


attempt("mmap", lambda: mmap.mmap(-1, BYTES, flags=ANONYMOUS | MAP_HUGETLB))
attempt("memfd", memfd)
libc.shmget.argtypes = (ctypes.c_int, ctypes.c_size_t, ctypes.c_int)
attempt("shmget", lambda: checked(libc.shmget(0, BYTES, SHM_HUGETLB | 0o600)))
