# attack = "asks for other protocols over IPv4 and IPv6 than TCP and UDP, each kernel code of its own"
# threats = [40]
# outcome = "OK"
# stdout = """
# ping over AF_INET: EPERM
# SCTP over AF_INET: EPERM
# SCTP packets over AF_INET: EPERM
# DCCP over AF_INET: EPERM
# L2TP over AF_INET: EPERM
# UDP-Lite over AF_INET: EPERM
# SMC over AF_INET: EPERM
# MPTCP over AF_INET: EPERM
# ping over AF_INET6: EPERM
# SCTP over AF_INET6: EPERM
# SCTP packets over AF_INET6: EPERM
# DCCP over AF_INET6: EPERM
# L2TP over AF_INET6: EPERM
# UDP-Lite over AF_INET6: EPERM
# SMC over AF_INET6: EPERM
# MPTCP over AF_INET6: EPERM
# """
import socket

from attack import attempt

DCCP, SCTP, L2TP, UDPLITE, SMC, MPTCP = 33, 132, 115, 136, 256, 262
PROTOCOLS = {
    "ping": (socket.SOCK_DGRAM, socket.IPPROTO_ICMP),
    "SCTP": (socket.SOCK_STREAM, SCTP),
    "SCTP packets": (socket.SOCK_SEQPACKET, SCTP),
    "DCCP": (6, DCCP),
    "L2TP": (socket.SOCK_DGRAM, L2TP),
    "UDP-Lite": (socket.SOCK_DGRAM, UDPLITE),
    "SMC": (socket.SOCK_STREAM, SMC),
    "MPTCP": (socket.SOCK_STREAM, MPTCP),
}

for family in (socket.AF_INET, socket.AF_INET6):
    for name, (kind, protocol) in PROTOCOLS.items():
        attempt(f"{name} over {family.name}", socket.socket, family, kind, protocol)
