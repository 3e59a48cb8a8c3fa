# attack = "gives a terminal every line discipline, for which the kernel would load a module of the host's"
# threats = [41, 47]
# outcome = "OK"
# stdout = "none\n"
import fcntl
import os
import struct
import termios

from attack import escaped

N_NULL = 27  # a terminal that does nothing, in every kernel
attached = []
for discipline in set(range(1, 31)) - {N_NULL}:
    master, slave = os.openpty()
    try:
        fcntl.ioctl(slave, termios.TIOCSETD, struct.pack("i", discipline))
        escaped(f"line discipline {discipline}")
        attached.append(discipline)
    except OSError:
        pass
    os.close(slave)
    os.close(master)
print(attached or "none")
