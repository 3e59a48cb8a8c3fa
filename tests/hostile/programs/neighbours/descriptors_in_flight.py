# attack = "leaves as many descriptors in unread messages as a user may while its neighbour does"
# threats = [6]
# beside = "neighbours/descriptors_in_flight"
# limits = { open_files = 200 }
# needs = "subordinate ids"
# outcome = "OK"
# stdout = "200 in flight\n"
import socket
import time

from attack import escaped

pair = socket.socketpair()
try:
    for _ in range(4):
        socket.send_fds(pair[0], [b"x"], [0] * 50)
except OSError as error:
    escaped(f"a neighbour's descriptors count: {error.strerror}")
time.sleep(0.3)
print("200 in flight")
