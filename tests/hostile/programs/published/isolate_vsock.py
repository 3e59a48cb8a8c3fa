# attack = "isolate, fixed in 2.6: makes a socket of a family that no namespace has, by io_uring past the filter"
# threats = [40]
# outcome = "OK"
# stdout = """
# vsock: EAFNOSUPPORT
# io_uring: ENOSYS
# io_uring register: ENOSYS
# vsock device: ENOENT
# """
# caught_by = ["seccomp"]
import os
import socket

from attack import attempt, syscall

IO_URING_SETUP, IO_URING_REGISTER = 425, 427
attempt("vsock", socket.socket, socket.AF_VSOCK, socket.SOCK_STREAM)
attempt("io_uring", syscall, IO_URING_SETUP, 8, bytes(120))
attempt("io_uring register", syscall, IO_URING_REGISTER, -1, 0, 0, 0)
attempt("vsock device", os.open, "/dev/vsock", os.O_RDONLY)
