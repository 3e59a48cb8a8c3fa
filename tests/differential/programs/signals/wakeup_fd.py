import os
import signal
import socket

ours, theirs = socket.socketpair()
theirs.setblocking(False)
print(signal.set_wakeup_fd(theirs.fileno()))
signal.signal(signal.SIGUSR2, lambda *_: None)
os.kill(os.getpid(), signal.SIGUSR2)
print(ours.recv(10))
print(signal.set_wakeup_fd(-1) == theirs.fileno())
