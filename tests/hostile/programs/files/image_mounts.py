# attack = "makes the image writable by its mount, and puts images of its own over it"
# threats = [30, 34]
# outcome = "OK"
# stdout = """
# remount: EPERM
# remount the place alone: EPERM
# remount by descriptors: EPERM
# writable by attribute: EPERM
# own ids by attribute: EPERM
# take it away: EPERM
# erofs of a file: EPERM
# overlay: EPERM
# tmpfs over it: EPERM
# """
# caught_by = ["seccomp", "capabilities"]
import ctypes
import os
import struct

from attack import attempt, checked, libc, syscall

AT_FDCWD, MS_REMOUNT, MS_BIND, MNT_DETACH = -100, 0x20, 0x1000, 2
RDONLY, IDMAP = 1, 0x100000
for name in ("upper", "work", "m"):
    os.mkdir(name)
with open("own.erofs", "wb") as file:
    file.write(bytes(1024) + struct.pack("<I", 0xE0F5E1E2) + bytes(7168))
OVERLAY = b"lowerdir=/usr,upperdir=/workspace/upper,workdir=/workspace/work,userxattr"


def mount(source, target, kind, flags, data=None):
    return checked(libc.mount(source, target, kind, ctypes.c_ulong(flags), data))


attempt("remount", mount, None, b"/", None, MS_REMOUNT, b"")
attempt("remount the place alone", mount, None, b"/", None, MS_REMOUNT | MS_BIND)
attempt("remount by descriptors", syscall, 433, AT_FDCWD, b"/usr", 0)
attempt("writable by attribute", syscall, 442, AT_FDCWD, b"/", 0, struct.pack("4Q", 0, RDONLY, 0, 0), 32)
attempt("own ids by attribute", syscall, 442, AT_FDCWD, b"/", 0, struct.pack("4Q", IDMAP, 0, 0, os.open("/proc/self/ns/user", os.O_RDONLY)), 32)  # fmt: skip
attempt("take it away", lambda: checked(libc.umount2(b"/", MNT_DETACH)))
attempt("erofs of a file", mount, b"own.erofs", b"m", b"erofs", 1)
attempt("overlay", mount, b"overlay", b"/usr", b"overlay", 0, OVERLAY)
attempt("tmpfs over it", mount, b"none", b"/usr", b"tmpfs", 0)
