# attack = "looks for a route to the host, its networks, its cloud's metadata and the world"
# threats = [40]
# outcome = "OK"
# stdout = """
# 127.0.0.1: ENETUNREACH
# 0.0.0.0: ENETUNREACH
# 10.0.0.1: ENETUNREACH
# 172.17.0.1: ENETUNREACH
# 192.168.0.1: ENETUNREACH
# 169.254.169.254: ENETUNREACH
# 192.0.2.1: ENETUNREACH
# 224.0.0.1: ENETUNREACH
# stream: ENETUNREACH
# fast open: ENETUNREACH
# broadcast: ENETUNREACH
# """
# caught_by = ["network namespace"]
import socket

from attack import attempt, bait

ADDRESSES = (
    "127.0.0.1",
    "0.0.0.0",
    "10.0.0.1",
    "172.17.0.1",
    "192.168.0.1",
    "169.254.169.254",
    "192.0.2.1",
    "224.0.0.1",
)

for address in ADDRESSES:
    # Connecting a datagram socket sends nothing: it asks for a route.
    attempt(address, socket.socket(socket.AF_INET, socket.SOCK_DGRAM).connect, (address, 53))
attempt("stream", socket.socket().connect, ("127.0.0.1", int(bait("TCP"))))
attempt("fast open", socket.socket().sendto, b"x", socket.MSG_FASTOPEN, ("127.0.0.1", int(bait("TCP"))))
broadcast = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
broadcast.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
attempt("broadcast", broadcast.connect, ("255.255.255.255", 67))
