# attack = "fills the buffers of Unix sockets that nobody reads"
# threats = [6]
# limits = { memory_bytes = "32MiB", open_files = 1024 }
# outcome = "MEMORY_LIMIT"
# cause = "memory_bytes"
# stdout = ""
# caught_by = ["cgroup"]
import socket

from attack import escaped, hold

CHUNK = bytes(1 << 16)


def take():
    held = []
    for _ in range(400):
        pair = socket.socketpair()
        held.append(pair)
        pair[0].setblocking(False)
        try:
            while True:
                pair[0].send(CHUNK)
        except BlockingIOError:
            pass
    return held


hold(4, take)
escaped("4 processes have filled 400 sockets each")
