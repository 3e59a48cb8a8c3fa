# attack = "gives orders to what it has open, as one would to disks, clocks, consoles and the pool of randomness"
# threats = [41, 47]
# outcome = "OK"
# stdout = """
# randomness: 8 refused
# others: 70 refused
# """
# caught_by = []
import fcntl
import os
import struct

from attack import escaped

POOL = {"count": 0x40045201, "entropy": 0x40085203, "clear": 0x5206, "reseed": 0x5207}
ORDERS = {
    "BLKROSET": 0x125D,
    "BLKDISCARD": 0x1277,
    "LOOP_SET_FD": 0x4C00,
    "LOOP_CTL_GET_FREE": 0x4C82,
    "RTC_SET_TIME": 0x4024700A,
    "KDSETMODE": 0x4B3A,
    "VT_ACTIVATE": 0x5606,
    "TIOCLINUX": 0x541C,
    "TIOCCONS": 0x541D,
    "TIOCSCTTY": 0x540E,
    "TIOCSTI": 0x5412,
    "TIOCSETD": 0x5423,
    "SG_IO": 0x2285,
    "KVM_CREATE_VM": 0xAE01,
}


def refused(paths, orders, value):
    count = 0
    for path in paths:
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        for name, order in orders.items():
            try:
                fcntl.ioctl(fd, order, value)
                escaped(f"{name} on {path}")
            except OSError:
                count += 1
        os.close(fd)
    return f"{count} refused"


print("randomness:", refused(("/dev/random", "/dev/urandom"), POOL, struct.pack("2i", 0, 0)))
print("others:", refused(("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/stdin"), ORDERS, bytes(64)))
