# attack = "changes the sizes of the server's pipes under it, to more than it may and to one page, while it writes"
# threats = [50]
# outcome = "OK"
# stdout = """
# above the bound: EPERM
# without bound: EINVAL
# 0123456789012345678901234567890123456789
# """
import contextlib
import fcntl
import os

from attack import attempt

F_SETPIPE_SZ, BOUND = 1031, 1 << 20

attempt("above the bound", fcntl.fcntl, 1, F_SETPIPE_SZ, BOUND + 1)
attempt("without bound", fcntl.fcntl, 1, F_SETPIPE_SZ, -1)
for number in range(40):
    for fd in range(3):
        for size in (BOUND, 4096, 65536):
            with contextlib.suppress(OSError):  # EBUSY: there is more in it
                fcntl.fcntl(fd, F_SETPIPE_SZ, size)
    os.write(1, b"%d" % (number % 10))
os.write(1, b"\n")
