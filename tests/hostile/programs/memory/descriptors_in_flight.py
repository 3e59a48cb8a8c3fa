# attack = "has more descriptors than it may, by sending them away in messages that nobody reads"
# threats = [6, 8]
# outcome = "OK"
# stdout = """
# refused: ETOOMANYREFS
# """
import errno
import os
import socket

from attack import escaped

pairs = [socket.socketpair() for _ in range(20)]
try:
    for pair in pairs:
        for _ in range(10):
            held = [os.memfd_create("held") for _ in range(10)]
            socket.send_fds(pair[0], [b"x"], held)
            for fd in held:
                os.close(fd)
    escaped("2000 descriptors are in flight, of 256")
except OSError as error:
    print("refused:", errno.errorcode[error.errno])
