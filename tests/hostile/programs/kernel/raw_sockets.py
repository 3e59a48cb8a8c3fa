# attack = "asks for sockets that see or forge packets, one of them a packet socket by its name of Linux 2.0"
# threats = [40]
# outcome = "OK"
# stdout = """
# raw: EPERM
# raw TCP: EPERM
# raw 6: EPERM
# packet: EAFNOSUPPORT
# packet by its old name: EPERM
# ping: EPERM
# """
# caught_by = ["capabilities", "seccomp"]
import socket

from attack import attempt

SOCK_PACKET = 10  # with AF_INET the kernel takes it for AF_PACKET, behind a filter of families
ETH_P_ALL = socket.htons(3)

attempt("raw", socket.socket, socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
attempt("raw TCP", socket.socket, socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_TCP)
attempt("raw 6", socket.socket, socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
attempt("packet", socket.socket, socket.AF_PACKET, socket.SOCK_RAW, ETH_P_ALL)
attempt("packet by its old name", socket.socket, socket.AF_INET, SOCK_PACKET, ETH_P_ALL)
attempt("ping", socket.socket, socket.AF_INET, socket.SOCK_DGRAM, socket.IPPROTO_ICMP)
