# attack = "has the kernel make its calls for it, past the filter: io_uring and asynchronous I/O"
# threats = [41]
# outcome = "OK"
# stdout = """
# io_uring: ENOSYS
# with a thread of the kernel: ENOSYS
# enter: ENOSYS
# register: ENOSYS
# asynchronous I/O: ENOSYS
# """
# caught_by = ["seccomp"]
import struct

from attack import attempt, syscall

IO_SETUP, IO_URING_SETUP, IO_URING_ENTER, IO_URING_REGISTER = 206, 425, 426, 427
SQPOLL = 2


def parameters(flags=0):
    return struct.pack("3I", 0, 0, flags).ljust(120, b"\0")


attempt("io_uring", syscall, IO_URING_SETUP, 8, parameters())
attempt("with a thread of the kernel", syscall, IO_URING_SETUP, 8, parameters(SQPOLL))
attempt("enter", syscall, IO_URING_ENTER, -1, 1, 1, 0, 0, 0)
attempt("register", syscall, IO_URING_REGISTER, -1, 0, 0, 0)
attempt("asynchronous I/O", syscall, IO_SETUP, 1, bytes(8))
