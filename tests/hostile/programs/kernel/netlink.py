# attack = "asks for netlink of every kind, to speak to the kernel's routes, audit, crypto, SCSI, devices"
# threats = [40]
# outcome = "OK"
# stdout = """
# EAFNOSUPPORT
# by the upper half of a register: EAFNOSUPPORT
# a pair: EPERM
# """
# caught_by = ["seccomp"]
import errno
import socket

from attack import attempt, escaped, syscall

SOCKET, SOCKETPAIR = 41, 53
answers = set()

for protocol in range(32):
    try:
        socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, protocol)
        escaped(f"netlink of protocol {protocol}")
    except OSError as error:
        answers.add(errno.errorcode[error.errno])
print(*sorted(answers))
# The kernel looks at 32 bits of a family, a filter at 64.
attempt("by the upper half of a register", syscall, SOCKET, 1 << 32 | socket.AF_NETLINK, socket.SOCK_RAW, 0)
attempt("a pair", syscall, SOCKETPAIR, socket.AF_NETLINK, socket.SOCK_RAW, 0, bytes(8))
