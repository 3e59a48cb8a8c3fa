# attack = "asks for clocks of its own, in a time namespace"
# threats = [22, 34]
# outcome = "OK"
# stdout = """
# unshare: EPERM
# clone3: ENOSYS
# setns: EPERM
# """
# caught_by = ["seccomp", "capabilities"]
import contextlib
import os
import signal
import struct

from attack import attempt, checked, escaped, libc, syscall

CLONE_NEWTIME, CLONE3 = 0x80, 435


def clone3():
    arguments = struct.pack("8Q", CLONE_NEWTIME, 0, 0, 0, signal.SIGCHLD, 0, 0, 0)
    if syscall(CLONE3, arguments, len(arguments)) == 0:
        os._exit(0)


def join():
    checked(libc.setns(os.open("/proc/self/ns/time", os.O_RDONLY), CLONE_NEWTIME))


attempt("unshare", lambda: checked(libc.unshare(CLONE_NEWTIME)))
attempt("clone3", clone3)
attempt("setns", join)
with contextlib.suppress(OSError):  # of another kind where the kernel has no time namespaces
    with open("/proc/self/timens_offsets", "w") as offsets:
        offsets.write("monotonic 1000 0\n")
    escaped("its clock was moved")
