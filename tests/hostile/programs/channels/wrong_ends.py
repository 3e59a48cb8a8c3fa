# attack = "reads from its outputs, writes to its input, cuts, maps and locks them, and asks for their other ends"
# threats = [50]
# outcome = "OK"
# stdout = """
# write to stdin: EBADF
# read from stdout: EBADF
# read from stderr: EBADF
# cut stdout: EINVAL
# seek in stdout: ESPIPE
# write at a place: ESPIPE
# allocate: ESPIPE
# map stdout: EACCES
# lease on stdout: EINVAL
# execute stdout: EACCES
# """
import fcntl
import mmap
import os

from attack import attempt

attempt("write to stdin", os.write, 0, b"x")
attempt("read from stdout", os.read, 1, 1)
attempt("read from stderr", os.read, 2, 1)
attempt("cut stdout", os.ftruncate, 1, 0)
attempt("seek in stdout", os.lseek, 1, 0, os.SEEK_SET)
attempt("write at a place", os.pwrite, 1, b"x", 0)
attempt("allocate", os.posix_fallocate, 1, 0, 4096)
attempt("map stdout", mmap.mmap, 1, 4096, mmap.MAP_SHARED, mmap.PROT_WRITE)
attempt("lease on stdout", fcntl.fcntl, 1, fcntl.F_SETLEASE, fcntl.F_WRLCK)
attempt("execute stdout", os.execve, 1, ["x"], {})
