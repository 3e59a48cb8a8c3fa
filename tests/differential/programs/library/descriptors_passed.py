import array
import os
import socket

ours, theirs = socket.socketpair()
r, w = os.pipe()
socket.send_fds(ours, [b"x"], [w])
_, fds, _, _ = socket.recv_fds(theirs, 10, 5)
os.write(fds[0], b"through the copy")
print(os.read(r, 100), fds)
