# attack = "takes most inotify instances that a user has while its neighbour does, and most watches where they are few"
# threats = [8, 38]
# beside = "neighbours/inotify"
# limits = { open_files = 1024 }
# needs = "root"
# outcome = "OK"
# stdout = "most of them\n"
import os
import tempfile
import time

from attack import checked, escaped, libc

IN_DELETE_SELF = 0x400


def setting(name):
    with open(f"/proc/sys/fs/inotify/max_user_{name}") as file:
        return int(file.read())


instances = min(setting("instances") * 5 // 8, 1000)
watches = setting("watches") * 5 // 8
if watches > 20_000:  # to take so many takes seconds; whose they are is as with instances
    watches = 0
directory = tempfile.mkdtemp()
names = [f"{directory}/{number}".encode() for number in range(1 + watches // instances)]
for name in names:
    os.mknod(name)
taken = watched = 0
try:
    for taken in range(instances):
        fd = checked(libc.inotify_init1(0))
        for name in names:
            checked(libc.inotify_add_watch(fd, name, IN_DELETE_SELF))
            watched += 1
except OSError as error:
    escaped(f"a neighbour's count: {taken} instances of {instances}, {watched} watches of {watches}: {error.strerror}")
time.sleep(0.3)
print("most of them")
