# attack = "orders the file system of the image to change it: flags, projects, labels, verity, clones, holes, freezing"
# threats = [30]
# outcome = "OK"
# stdout = """
# /usr/lib/python3.11/this.py: 11 refused
# /usr/lib/python3.11/wsgiref: 11 refused
# /: 11 refused
# allocate: EBADF
# punch a hole: EBADF
# copy into it: EBADF
# remove pages: EACCES
# """
import fcntl
import mmap
import os
import struct

from attack import attempt, escaped, syscall

FILE, DIRECTORY = "/usr/lib/python3.11/this.py", "/usr/lib/python3.11/wsgiref"
IMMUTABLE = 0x10
PUNCH_HOLE, KEEP_SIZE, MADV_REMOVE = 2, 1, 9
with open("/workspace/own", "wb") as own:
    own.write(bytes(8192))
OWN = os.open("/workspace/own", os.O_RDWR)
ORDERS = {
    "FS_IOC_SETFLAGS": (0x40086602, struct.pack("l", IMMUTABLE)),
    "FS_IOC_SETVERSION": (0x40087602, struct.pack("l", 1)),
    "FS_IOC_FSSETXATTR": (0x401C5820, bytes(28)),
    "FS_IOC_ENABLE_VERITY": (0x40806685, struct.pack("=III", 1, 1, 4096).ljust(128, b"\0")),
    "FS_IOC_SETFSLABEL": (0x41009432, b"new".ljust(256, b"\0")),
    "FS_IOC_SET_ENCRYPTION_POLICY": (0x800C6613, bytes(12)),
    "FICLONE": (0x40049409, OWN),
    "FICLONERANGE": (0x4020940D, struct.pack("qQQQ", OWN, 0, 4096, 0)),
    "FITRIM": (0xC0185879, struct.pack("QQQ", 0, 1 << 40, 0)),
    "FIFREEZE": (0xC0045877, 0),
    "EXT4_IOC_MOVE_EXT": (0xC028660F, struct.pack("IIQQQQ", 0, OWN, 0, 0, 1, 0)),
}

for path in (FILE, DIRECTORY, "/"):
    fd, count = os.open(path, os.O_RDONLY), 0
    for name, (order, value) in ORDERS.items():
        try:
            fcntl.ioctl(fd, order, value)
            escaped(f"{name} on {path}")
        except OSError:
            count += 1
    print(f"{path}: {count} refused")

fd = os.open(FILE, os.O_RDONLY)
attempt("allocate", os.posix_fallocate, fd, 0, 1 << 20)
attempt("punch a hole", syscall, 285, fd, PUNCH_HOLE | KEEP_SIZE, 0, 4096)
attempt("copy into it", os.copy_file_range, OWN, fd, 10, 0, 0)
mapped = mmap.mmap(fd, 0, mmap.MAP_SHARED, mmap.PROT_READ)
attempt("remove pages", lambda: mapped.madvise(MADV_REMOVE))
