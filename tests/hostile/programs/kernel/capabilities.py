# attack = "looks for capabilities in all five sets, and for a way to one: by ids, by securebits, by ambient ones, by a file of its own"
# threats = [46]
# outcome = "OK"
# stdout = """
# 5 empty sets
# raise one: EPERM
# root: EPERM
# root, and back: EPERM
# root's group: EPERM
# groups: EPERM
# init's user: EPERM
# keep capabilities: EPERM
# unlock the bits: EPERM
# ambient: EPERM
# bounding: EPERM
# give one to a file: EPERM
# """
# caught_by = ["capabilities"]
import os
import struct

from attack import attempt, checked, escaped, libc, syscall

CAPSET = 126
VERSION_3, SYS_ADMIN, INIT_UID = 0x20080522, 1 << 21, 999
PR_SET_KEEPCAPS, PR_CAPBSET_DROP, PR_SET_SECUREBITS, PR_CAP_AMBIENT = 8, 24, 28, 47

with open("/proc/self/status") as status:
    sets = dict(line.split() for line in status if line.startswith("Cap"))
for name, value in sets.items():
    if int(value, 16):
        escaped(f"{name} {value}")
print(len(sets), "empty sets")
one = struct.pack("6I", SYS_ADMIN, SYS_ADMIN, SYS_ADMIN, 0, 0, 0)
attempt("raise one", syscall, CAPSET, struct.pack("Ii", VERSION_3, 0), one)
attempt("root", os.setuid, 0)
attempt("root, and back", os.setresuid, -1, 0, -1)
attempt("root's group", os.setgid, 0)
attempt("groups", os.setgroups, [0, 4, 27])
attempt("init's user", os.setresuid, INIT_UID, INIT_UID, INIT_UID)
attempt("keep capabilities", lambda: checked(libc.prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0)))
attempt("unlock the bits", lambda: checked(libc.prctl(PR_SET_SECUREBITS, 0, 0, 0, 0)))
attempt("ambient", lambda: checked(libc.prctl(PR_CAP_AMBIENT, 2, 21, 0, 0)))
attempt("bounding", lambda: checked(libc.prctl(PR_CAPBSET_DROP, 0, 0, 0, 0)))
with open("mine", "w"):
    pass
# VFS_CAP_REVISION_2 with CAP_SYS_ADMIN effective and permitted.
attempt(
    "give one to a file", os.setxattr, "mine", "security.capability", struct.pack("5I", 0x2000001, SYS_ADMIN, 0, 0, 0)
)
