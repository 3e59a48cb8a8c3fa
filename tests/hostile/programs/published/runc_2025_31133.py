# attack = "runc, CVE-2025-31133: puts a link in the place of /dev/null, which hides files of /proc"
# threats = [37, 39]
# before = "published/runc_2025_31133"
# outcome = "OK"
# stdout = """
# unlink: EROFS
# rename: EROFS
# link: EROFS
# directory: refused
# hidden
# """
import os
import stat

from attack import attempt, escaped

attempt("unlink", os.unlink, "/dev/null")
attempt("rename", os.rename, "/dev/null", "/dev/away")
attempt("link", os.symlink, "/proc/sys/kernel/core_pattern", "/dev/core")
try:
    os.rename("/dev", "/away")
except OSError:  # EACCES, or EROFS
    print("directory: refused")
else:
    escaped("the directory")
if os.stat("/dev/null").st_rdev != os.makedev(1, 3):
    escaped("/dev/null is something else")
for name in ("kcore", "keys", "timer_list", "kallsyms", "acpi", "scsi"):
    try:
        mode = os.lstat(f"/proc/{name}").st_mode
        content = os.listdir(f"/proc/{name}") if stat.S_ISDIR(mode) else open(f"/proc/{name}", "rb").read(1)
    except FileNotFoundError:  # not every kernel has every one
        continue
    if content:
        escaped(f"/proc/{name}: {content!r}")
print("hidden")
