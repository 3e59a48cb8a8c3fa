# attack = "listens for what its neighbour opens: files of the image, devices, files of /proc"
# threats = [38]
# beside = "neighbours/honest"
# needs = "root"
# outcome = "OK"
# stdout = "silence\n"
import os
import select

from attack import checked, escaped, libc

IN_ALL_EVENTS = 0xFFF
PATHS = [
    "/etc",
    "/etc/ld.so.cache",
    "/usr/bin",
    "/usr/bin/python3.11",
    "/usr/lib/python3.11",
    "/usr/lib/python3.11/os.py",
]
PATHS += [
    "/dev",
    "/dev/null",
    "/dev/zero",
    "/dev/urandom",
    "/proc/version",
    "/proc/meminfo",
    "/proc/sys/kernel/hostname",
]
PATHS += ["/tmp", "/dev/shm", "/workspace"]
fd = checked(libc.inotify_init1(os.O_CLOEXEC))
for path in PATHS:
    checked(libc.inotify_add_watch(fd, path.encode(), IN_ALL_EVENTS))
if select.select([fd], [], [], 0.4)[0]:
    escaped(f"a neighbour was heard: {os.read(fd, 4096)!r}")
else:
    print("silence")
