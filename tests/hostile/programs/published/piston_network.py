# attack = "Piston, network.py: asks the network for a page, by name and by number"
# threats = [40]
# outcome = "OK"
# stdout = """
# by name: nothing
# by number: ENETUNREACH
# by the name server: ENETUNREACH
# """
import socket

from attack import attempt, escaped

try:
    socket.getaddrinfo("example.com", 80)
    escaped("a name was found")
except socket.gaierror:
    print("by name: nothing", flush=True)
attempt("by number", socket.create_connection, ("192.0.2.1", 80), 2)
attempt("by the name server", socket.socket(type=socket.SOCK_DGRAM).sendto, b"?", ("192.0.2.53", 53))
