# attack = "adds a seccomp filter that allows everything, and one that answers itself a call that is deadly"
# threats = [44]
# outcome = "OK"
# stdout = """
# unshare, allowed by itself: EPERM
# clone3, allowed by itself: ENOSYS
# kexec, answered by itself: ENODATA
# """
# caught_by = ["seccomp"]
import ctypes
import errno
import struct

from attack import attempt, checked, libc, syscall

SECCOMP, SET_MODE_FILTER, PR_SET_NO_NEW_PRIVS = 317, 1, 38
ALLOW, ERRNO = 0x7FFF0000, 0x00050000
UNSHARE, CLONE_NEWUSER, CLONE3, KEXEC_LOAD = 272, 0x10000000, 435, 246


def add_filter(*instructions):
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *instruction) for instruction in instructions))
    syscall(SECCOMP, SET_MODE_FILTER, 0, struct.pack("HxxxxxxQ", len(instructions), ctypes.addressof(code)))


checked(libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
add_filter((0x06, 0, 0, ALLOW))
attempt("unshare, allowed by itself", syscall, UNSHARE, CLONE_NEWUSER)
attempt("clone3, allowed by itself", syscall, CLONE3, 1, 64)
# Load the call's number; if it is kexec_load's answer with an errno that nothing else here has.
add_filter((0x20, 0, 0, 0), (0x15, 0, 1, KEXEC_LOAD), (0x06, 0, 0, ERRNO | errno.ENODATA), (0x06, 0, 0, ALLOW))
attempt("kexec, answered by itself", syscall, KEXEC_LOAD, 0, 0, 0, 0)
