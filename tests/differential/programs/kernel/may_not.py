# What the walls forbid.
import ctypes
import os

libc = ctypes.CDLL(None, use_errno=True)
for name, *arguments in (
    ("mount", 1, 1, 1, 0, 0),
    ("umount2", b"/proc", 0),
    ("unshare", 0x10000000),
    ("setuid", 0),
    ("setgid", 0),
    ("chroot", b"/"),
    ("sethostname", b"x", 1),
    ("ptrace", 0, 0, 0, 0),
    ("setns", 0, 0),
    ("nice", -5),
    ("syscall", 321, 0, 0, 0),
    ("syscall", 425, 1, 0),
    ("syscall", 250, 0),
    ("socket", 16, 3, 0),
    ("socket", 2, 1, 0),
    ("socket", 17, 3, 0),
    ("personality", 0x0040000),
    ("setgroups", 0, 0),
    ("mknod", b"/tmp/x", 0o60600, 1),
):
    ctypes.set_errno(0)
    result = getattr(libc, name)(*arguments)
    print(name, result, os.strerror(ctypes.get_errno()))
