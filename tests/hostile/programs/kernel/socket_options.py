# attack = "asks for options of sockets that are a network administrator's: marks, priorities, proxies, buffers without bound"
# threats = [40]
# outcome = "OK"
# stdout = """
# priority: EPERM
# mark: EPERM
# receive buffer: EPERM
# send buffer: EPERM
# proxy: EPERM
# proxy 6: ENOPROTOOPT
# repair: EPERM
# debug: EACCES
# """
# caught_by = ["capabilities", "network namespace"]
import socket

from attack import attempt

SO_DEBUG, SO_PRIORITY, SO_SNDBUFFORCE, SO_RCVBUFFORCE, SO_MARK = 1, 12, 32, 33, 36
IP_TRANSPARENT, IPV6_TRANSPARENT, TCP_REPAIR = 19, 75, 19
OPTIONS = {
    "priority": (socket.SOL_SOCKET, SO_PRIORITY, 7),
    "mark": (socket.SOL_SOCKET, SO_MARK, 1),
    "receive buffer": (socket.SOL_SOCKET, SO_RCVBUFFORCE, 1 << 30),
    "send buffer": (socket.SOL_SOCKET, SO_SNDBUFFORCE, 1 << 30),
    "proxy": (socket.SOL_IP, IP_TRANSPARENT, 1),
    "proxy 6": (socket.IPPROTO_IPV6, IPV6_TRANSPARENT, 1),
    "repair": (socket.SOL_TCP, TCP_REPAIR, 1),
    "debug": (socket.SOL_SOCKET, SO_DEBUG, 1),
}

for name, (level, option, value) in OPTIONS.items():
    family = socket.AF_INET6 if level == socket.IPPROTO_IPV6 else socket.AF_INET
    attempt(name, socket.socket(family).setsockopt, level, option, value)
