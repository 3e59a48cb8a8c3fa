# attack = "opens and makes the devices of hosts: memory, disks, loops, FUSE, virtual machines, tunnels, consoles"
# threats = [33, 41]
# outcome = "OK"
# stdout = """
# open: ENOENT
# make: EACCES
# seen: fd full mqueue null ptmx pts random shm stderr stdin stdout tty urandom zero
# """
# caught_by = []
import errno
import os
import stat

from attack import escaped

DEVICES = {
    "mem": (stat.S_IFCHR, 1, 1),
    "port": (stat.S_IFCHR, 1, 4),
    "kmsg": (stat.S_IFCHR, 1, 11),
    "tty0": (stat.S_IFCHR, 4, 0),
    "console": (stat.S_IFCHR, 5, 1),
    "fuse": (stat.S_IFCHR, 10, 229),
    "kvm": (stat.S_IFCHR, 10, 232),
    "btrfs-control": (stat.S_IFCHR, 10, 234),
    "loop-control": (stat.S_IFCHR, 10, 237),
    "vhost-vsock": (stat.S_IFCHR, 10, 241),
    "loop0": (stat.S_IFBLK, 7, 0),
    "sda": (stat.S_IFBLK, 8, 0),
    "vda": (stat.S_IFBLK, 254, 0),
}


def look(name, *_):
    os.close(os.open(f"/dev/{name}", os.O_RDONLY | os.O_NONBLOCK))


def make(name, kind, major, minor):
    os.mknod(name, kind | 0o600, os.makedev(major, minor))


def answers(call):
    found = set()
    for name, device in DEVICES.items():
        try:
            call(name, *device)
            escaped(f"{call.__name__} {name}")
        except OSError as error:
            found.add(errno.errorcode[error.errno])
    return " ".join(sorted(found))


print("open:", answers(look))
print("make:", answers(make))
print("seen:", *sorted(os.listdir("/dev")))
