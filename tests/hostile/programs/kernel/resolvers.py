# attack = "asks whoever resolves names on the host: by datagrams, by nscd, by systemd, by varlink"
# threats = [40]
# outcome = "OK"
# stdout = """
# 127.0.0.1: ENETUNREACH
# 127.0.0.53: ENETUNREACH
# 192.0.2.53: ENETUNREACH
# /run/nscd/socket: ENOENT
# /run/systemd/resolve/io.systemd.Resolve: ENOENT
# /run/avahi-daemon/socket: ENOENT
# /run/dbus/system_bus_socket: ENOENT
# no answer
# """
# caught_by = ["network namespace"]
import socket

from attack import attempt

QUERY = b"\x13\x37\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x07invalid\x00\x00\x01\x00\x01"
SOCKETS = (
    "/run/nscd/socket",
    "/run/systemd/resolve/io.systemd.Resolve",
    "/run/avahi-daemon/socket",
    "/run/dbus/system_bus_socket",
)

for address in ("127.0.0.1", "127.0.0.53", "192.0.2.53"):
    attempt(address, socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto, QUERY, (address, 53))
for path in SOCKETS:
    attempt(path, socket.socket(socket.AF_UNIX).connect, path)
try:
    print("ESCAPED", socket.getaddrinfo("example.com", 80))
except socket.gaierror:
    print("no answer")
