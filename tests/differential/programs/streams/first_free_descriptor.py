import os
import socket

print(os.dup(0), os.pipe(), os.open("/", os.O_RDONLY), socket.socket().fileno(), open(__file__).fileno())
