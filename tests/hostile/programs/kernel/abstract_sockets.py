# attack = "connects to abstract sockets of the host, by name and by what /proc/net/unix tells"
# threats = [40]
# outcome = "OK"
# stdout = """
# stream: ECONNREFUSED
# datagram: ECONNREFUSED
# packets: ECONNREFUSED
# 0 sockets of others
# """
# caught_by = ["network namespace"]
import socket

from attack import attempt, bait, escaped

NAME = "\0" + bait("ABSTRACT")

attempt("stream", socket.socket(socket.AF_UNIX).connect, NAME)
attempt("datagram", socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).connect, NAME)
attempt("packets", socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET).connect, NAME)
with open("/proc/net/unix") as table:
    others = [line.split()[7:] for line in table.readlines()[1:]]
named = [name[0] for name in others if name]
for name in named:
    escaped(f"it sees {name}")
print(len(named), "sockets of others")
