# attack = "makes files larger than a file may be, without writing much"
# threats = [31]
# limits = { file_size_bytes = "1MiB" }
# outcome = "OK"
# stdout = """
# ftruncate: EFBIG
# truncate: EFBIG
# pwrite: EFBIG
# posix_fallocate: EFBIG
# fallocate: EFBIG
# memfd: EFBIG
# """
import ctypes
import os

from attack import attempt, checked, libc

TEBIBYTE = 1 << 40
FALLOC_FL_KEEP_SIZE = 1
fd = os.open("/tmp/sparse", os.O_CREAT | os.O_RDWR)
libc.fallocate.argtypes = (ctypes.c_int, ctypes.c_int, ctypes.c_long, ctypes.c_long)
attempt("ftruncate", os.ftruncate, fd, TEBIBYTE)
attempt("truncate", os.truncate, "/tmp/sparse", TEBIBYTE)
attempt("pwrite", os.pwrite, fd, b"x", TEBIBYTE)
attempt("posix_fallocate", os.posix_fallocate, fd, 0, TEBIBYTE)
attempt("fallocate", lambda: checked(libc.fallocate(fd, FALLOC_FL_KEEP_SIZE, TEBIBYTE, 4096)))
attempt("memfd", os.ftruncate, os.memfd_create("sparse"), TEBIBYTE)
