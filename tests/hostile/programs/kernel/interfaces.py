# attack = "gives itself a network: raises the loopback, adds an address and a tunnel"
# threats = [40]
# outcome = "OK"
# stdout = """
# raise the loopback: EPERM
# add an address: EPERM
# make a tunnel: ENOENT
# 1 interface
# """
import fcntl
import os
import socket
import struct

from attack import attempt, escaped

SIOCSIFFLAGS, SIOCSIFADDR = 0x8914, 0x8916
IFF_UP = 1
ADDRESS = struct.pack("=HH4s8x", socket.AF_INET, 0, bytes((192, 0, 2, 2)))

control = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
attempt("raise the loopback", fcntl.ioctl, control, SIOCSIFFLAGS, struct.pack("16sH22x", b"lo", IFF_UP))
attempt("add an address", fcntl.ioctl, control, SIOCSIFADDR, struct.pack("16s16s8x", b"lo:bait", ADDRESS))
attempt("make a tunnel", os.open, "/dev/net/tun", os.O_RDWR)
with open("/proc/net/dev") as table:
    names = [line.split(":")[0].strip() for line in table.readlines()[2:]]
print("1 interface") if names == ["lo"] else escaped(names)
