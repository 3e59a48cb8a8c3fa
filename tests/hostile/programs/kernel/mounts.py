# attack = "mounts, by the old call and by the new ones, changes the root, and takes away what hides /proc"
# threats = [34, 37, 41]
# outcome = "OK"
# stdout = """
# mount: EPERM
# remount: EPERM
# take a mask away: EPERM
# chroot: EPERM
# fsopen: EPERM
# fspick: EPERM
# open_tree: EPERM
# a copy of a tree: EPERM
# move_mount: EPERM
# mount_setattr: EPERM
# """
# caught_by = ["seccomp"]
import os

from attack import attempt, syscall

CHROOT, UMOUNT2, MOUNT = 161, 166, 165
OPEN_TREE, MOVE_MOUNT, FSOPEN, FSPICK, MOUNT_SETATTR = 428, 429, 430, 433, 442
AT_FDCWD, MS_REMOUNT_BIND, MNT_DETACH, OPEN_TREE_CLONE = -100, 0x1020, 2, 1

os.mkdir("here")
attempt("mount", syscall, MOUNT, b"none", b"here", b"tmpfs", 0, 0)
attempt("remount", syscall, MOUNT, 0, b"/proc/sys", 0, MS_REMOUNT_BIND, 0)
attempt("take a mask away", syscall, UMOUNT2, b"/proc/keys", MNT_DETACH)
attempt("chroot", syscall, CHROOT, b"here")
attempt("fsopen", syscall, FSOPEN, b"tmpfs", 0)
attempt("fspick", syscall, FSPICK, AT_FDCWD, b"here", 0)
attempt("open_tree", syscall, OPEN_TREE, AT_FDCWD, b"here", 0)
attempt("a copy of a tree", syscall, OPEN_TREE, AT_FDCWD, b"here", OPEN_TREE_CLONE)
attempt("move_mount", syscall, MOVE_MOUNT, AT_FDCWD, b"here", AT_FDCWD, b"here", 0)
attempt("mount_setattr", syscall, MOUNT_SETATTR, AT_FDCWD, b"here", 0, bytes(32), 32)
