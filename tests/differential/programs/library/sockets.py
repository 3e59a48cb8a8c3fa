import selectors
import socket

ours, theirs = socket.socketpair()
selector = selectors.DefaultSelector()
selector.register(ours, selectors.EVENT_READ, "data")
theirs.send(b"x")
print([(key.fd, key.data, events) for key, events in selector.select(5)], type(selector))
