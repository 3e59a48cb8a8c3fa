# attack = "runc, CVE-2025-52565: puts a link in the place of the console or the terminal that the runtime mounts"
# threats = [37, 47]
# before = "published/runc_2025_52565"
# tty = true
# outcome = "OK"
# stdout = "console: EROFS\r\nptmx: EROFS\r\ntty: EROFS\r\nterminal: EACCES\r\nits own terminal\r\n"
import os

from attack import attempt, escaped

attempt("console", os.symlink, "/proc/sysrq-trigger", "/dev/console")
attempt("ptmx", os.rename, "/dev/ptmx", "/dev/away")
attempt("tty", os.unlink, "/dev/tty")
attempt("terminal", os.unlink, "/dev/pts/0")
for name in ("console", "tty0", "kmsg", "mem", "fb0"):
    if os.path.lexists(f"/dev/{name}"):
        escaped(f"/dev/{name}")
if os.ttyname(0) != "/dev/pts/0" or not os.path.samestat(os.fstat(0), os.stat("/dev/pts/0")):
    escaped(f"the terminal {os.ttyname(0)}")
print("its own terminal")
