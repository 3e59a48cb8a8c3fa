# attack = "handles page faults itself, and the memory of other processes"
# threats = [12]
# outcome = "OK"
# stdout = """
# userfaultfd: EPERM
# /dev/userfaultfd: ENOENT
# process_madvise: EPERM
# move_pages: EPERM
# migrate_pages: EPERM
# """
# caught_by = ["seccomp"]
import ctypes
import mmap
import os

from attack import attempt, syscall

UFFD_USER_MODE_ONLY, MADV_COLD = 1, 20
page = mmap.mmap(-1, mmap.PAGESIZE)
vector = (ctypes.c_void_p * 2)(ctypes.addressof(ctypes.c_char.from_buffer(page)), mmap.PAGESIZE)
own = os.pidfd_open(os.getpid())
attempt("userfaultfd", syscall, 323, UFFD_USER_MODE_ONLY)
attempt("/dev/userfaultfd", os.open, "/dev/userfaultfd", os.O_RDWR)
attempt("process_madvise", syscall, 440, own, vector, 1, MADV_COLD, 0)
attempt("move_pages", syscall, 279, 0, 0, 0, 0, 0, 0)
attempt("migrate_pages", syscall, 256, 0, 64, ctypes.byref(ctypes.c_ulong(1)), ctypes.byref(ctypes.c_ulong(1)))
