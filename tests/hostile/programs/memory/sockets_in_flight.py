# attack = "fills sockets and sends them away in messages that nobody reads, so that no descriptor leads to them"
# threats = [6]
# limits = { memory_bytes = "24MiB" }
# outcome = "MEMORY_LIMIT"
# cause = "memory_bytes"
# stdout = ""
# caught_by = ["cgroup"]
import socket

from attack import escaped

CHUNK = bytes(1 << 14)
carriers = [socket.socketpair()[0:2] for _ in range(2)]
for number in range(250):
    filled, other = socket.socketpair()
    filled.setblocking(False)
    try:
        while True:
            filled.send(CHUNK)
    except BlockingIOError:
        pass
    carrier = carriers[number % 2][0]
    socket.send_fds(carrier, [b"x"], [other.fileno()])
    filled.close()
    other.close()
escaped("250 filled sockets are in flight")
