# attack = "asks for sockets of every family and type: netlink, packets, virtual machines, ciphers, Bluetooth and the dead ones"
# threats = [40]
# outcome = "OK"
# stdout = """
# EAFNOSUPPORT EPERM
# """
# caught_by = ["seccomp"]
import errno
import socket

from attack import escaped

ALLOWED = (socket.AF_UNIX, socket.AF_INET, socket.AF_INET6)
answers = set()

for family in set(range(64)) - set(ALLOWED):
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_RAW, socket.SOCK_SEQPACKET):
        for make in (socket.socket, socket.socketpair):
            try:
                make(family, kind, 0)
                escaped(f"{make.__name__} of family {family}, type {kind}")
            except OSError as error:
                answers.add(errno.errorcode[error.errno])
print(*sorted(answers))
