# attack = "opens terminals until there are none, while its neighbour does"
# threats = [8, 47]
# beside = "neighbours/terminals"
# outcome = "OK"
# stdout = "0 to 63, then ENOSPC\n"
import errno
import fcntl
import os
import struct
import time

from attack import escaped

TIOCGPTN = 0x80045430
numbers = []
try:
    for _ in range(200):
        fd = os.open("/dev/ptmx", os.O_RDWR | os.O_NOCTTY)
        numbers += struct.unpack("i", fcntl.ioctl(fd, TIOCGPTN, bytes(4)))
    escaped("200 terminals")
except OSError as error:
    print(f"0 to {len(numbers) - 1}, then {errno.errorcode[error.errno]}")
seen = {int(name) for name in os.listdir("/dev/pts") if name.isdigit()}
if seen != set(numbers) or numbers != list(range(len(numbers))):
    escaped(f"terminals of a neighbour: {sorted(seen)}")
time.sleep(0.3)
