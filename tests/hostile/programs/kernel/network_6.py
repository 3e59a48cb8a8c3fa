# attack = "looks for a route by IPv6: loopback, neighbours on the link, multicast, the world"
# threats = [40]
# outcome = "OK"
# stdout = """
# ::1: unreachable
# ::ffff:127.0.0.1: unreachable
# fe80::1%lo: unreachable
# ff02::1%lo: unreachable
# fd00:ec2::254: unreachable
# 2001:db8::1: unreachable
# """
# caught_by = ["network namespace"]
import errno
import socket

from attack import escaped

UNREACHABLE = (errno.ENETUNREACH, errno.EADDRNOTAVAIL)
ADDRESSES = ("::1", "::ffff:127.0.0.1", "fe80::1%lo", "ff02::1%lo", "fd00:ec2::254", "2001:db8::1")

for address in ADDRESSES:
    host, _, scope = address.partition("%")
    try:
        # Connecting a datagram socket sends nothing: it asks for a route.
        place = (host, 53, 0, socket.if_nametoindex(scope) if scope else 0)
        socket.socket(socket.AF_INET6, socket.SOCK_DGRAM).connect(place)
        escaped(address)
    except OSError as error:
        print(f"{address}:", "unreachable" if error.errno in UNREACHABLE else errno.errorcode[error.errno])
