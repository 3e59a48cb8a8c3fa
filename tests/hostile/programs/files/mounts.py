# attack = "mounts, unmounts and changes mounts, by the old calls and the new, and changes its root"
# threats = [34]
# outcome = "OK"
# stdout = """
# tmpfs: EPERM
# proc: EPERM
# sysfs: EPERM
# cgroup: EPERM
# cgroup2: EPERM
# bind: EPERM
# remount: EPERM
# umount: EPERM
# open_tree: EPERM
# fsopen: EPERM
# fspick: EPERM
# move_mount: EPERM
# mount_setattr: EPERM
# chroot: EPERM
# setns: EPERM
# """
# caught_by = ["seccomp", "capabilities"]
import ctypes
import os
import struct

from attack import attempt, checked, libc, syscall

AT_FDCWD, MS_BIND, MS_REMOUNT, MNT_DETACH, OPEN_TREE_CLONE = -100, 0x1000, 0x20, 2, 1
os.mkdir("m")


def mount(source, target, kind, flags):
    return checked(libc.mount(source, target, kind, ctypes.c_ulong(flags), None))


attempt("tmpfs", mount, b"none", b"m", b"tmpfs", 0)
attempt("proc", mount, b"none", b"m", b"proc", 0)
attempt("sysfs", mount, b"none", b"m", b"sysfs", 0)
attempt("cgroup", mount, b"none", b"m", b"cgroup", 0)
attempt("cgroup2", mount, b"none", b"m", b"cgroup2", 0)
attempt("bind", mount, b"/", b"m", None, MS_BIND)
attempt("remount", mount, None, b"/proc/sys", None, MS_REMOUNT | MS_BIND)
attempt("umount", lambda: checked(libc.umount2(b"/proc/sys", MNT_DETACH)))
attempt("open_tree", syscall, 428, AT_FDCWD, b"/", OPEN_TREE_CLONE)
attempt("fsopen", syscall, 430, b"tmpfs", 0)
attempt("fspick", syscall, 433, AT_FDCWD, b"/", 0)
attempt("move_mount", syscall, 429, AT_FDCWD, b"/proc/sys", AT_FDCWD, b"m", 0)
attempt("mount_setattr", syscall, 442, AT_FDCWD, b"/proc/sys", 0, struct.pack("4Q", 0, 1, 0, 0), 32)
attempt("chroot", os.chroot, "m")
attempt("setns", lambda: checked(libc.setns(os.open("/proc/self/ns/mnt", os.O_RDONLY), 0)))
