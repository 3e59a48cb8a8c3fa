# attack = "locks files that its neighbour has too: of the image, of /dev and of /proc"
# threats = [38]
# beside = "neighbours/locks"
# needs = "root"
# outcome = "OK"
# stdout = "all were free\n"
import fcntl
import os
import time

from attack import escaped

READ_ONLY = ["/", "/etc", "/etc/passwd", "/usr/bin/python3", "/usr/lib/python3.11/os.py", "/dev", "/dev/pts"]
READ_ONLY += ["/proc", "/proc/acpi", "/proc/stat", "/proc/version", "/proc/sys/kernel/hostname", "/tmp"]
WRITABLE = ["/dev/null", "/dev/zero", "/dev/full", "/dev/urandom", "/dev/ptmx"]
held = []
for path in READ_ONLY + WRITABLE:
    try:
        fd = os.open(path, os.O_RDWR if path in WRITABLE else os.O_RDONLY)
    except FileNotFoundError:  # not every kernel has every file in /proc
        continue
    held.append(fd)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if path in WRITABLE:
            fcntl.lockf(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        escaped(f"a neighbour has locked {path}")
    try:
        fcntl.fcntl(fd, fcntl.F_SETLEASE, fcntl.F_RDLCK)
        if os.fstat(fd).st_uid != os.getuid():
            escaped(f"a lease on {path}, which others open")
    except OSError:
        pass
time.sleep(0.3)
print("all were free")
