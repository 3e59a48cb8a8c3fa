# attack = "becomes root, and gives itself capabilities"
# threats = [46]
# outcome = "OK"
# stdout = """
# setuid: EPERM
# setgid: EPERM
# setresuid: EPERM
# setresuid of init: EPERM
# setgroups: EPERM
# capset: EPERM
# """
# caught_by = ["capabilities"]
import os
import struct

from attack import attempt, escaped, libc, syscall

CAPSET, VERSION_3, INIT_UID, ALL = 126, 0x20080522, 999, 0xFFFFFFFF

attempt("setuid", os.setuid, 0)
attempt("setgid", os.setgid, 0)
attempt("setresuid", os.setresuid, 1000, 0, 1000)
attempt("setresuid of init", os.setresuid, 1000, INIT_UID, 1000)
attempt("setgroups", os.setgroups, [0])
attempt("capset", syscall, CAPSET, struct.pack("Ii", VERSION_3, 0), struct.pack("6I", *[ALL] * 6))
libc.setfsuid(0)
if (now := libc.setfsuid(-1)) != 1000:
    escaped(f"the user of its files is {now}")
