# attack = "runc, CVE-2025-52881: has what the runtime writes to /proc land in another file of it, or writes there itself"
# threats = [37, 39]
# outcome = "OK"
# stdout = """
# mount over attr: EPERM
# link in /proc/self: ENOENT
# bind a process's files: EPERM
# core_pattern: EACCES
# hostname: EACCES
# """
import os

from attack import attempt, checked, escaped, libc

MS_BIND = 4096
attempt("mount over attr", lambda: checked(libc.mount(b"none", b"/proc/self/attr", b"tmpfs", 0, None)))
attempt("link in /proc/self", os.symlink, "/proc/sysrq-trigger", "/proc/self/x")
attempt("bind a process's files", lambda: checked(libc.mount(b"/proc/1", b"/proc/self", None, MS_BIND, None)))
for path in ("sys/kernel/core_pattern", "sys/kernel/hostname"):
    attempt(path.rpartition("/")[2], os.open, f"/proc/{path}", os.O_WRONLY)
if os.access("/proc/sysrq-trigger", os.W_OK):  # not every kernel has it
    escaped("sysrq-trigger")
