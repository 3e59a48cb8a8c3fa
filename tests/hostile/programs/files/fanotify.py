# attack = "watches whole mounts, and asks for quotas"
# threats = [38]
# outcome = "OK"
# stdout = """
# fanotify_init: EPERM
# quotactl: EPERM
# quotactl_fd: EPERM
# """
# caught_by = ["seccomp"]
import os

from attack import attempt, syscall

FAN_REPORT_FID, Q_GETFMT = 0x200, 0x800004
attempt("fanotify_init", syscall, 300, FAN_REPORT_FID, 0)
attempt("quotactl", syscall, 179, Q_GETFMT << 8, b"/dev/vda", 0, 0)
attempt("quotactl_fd", syscall, 443, os.open("/", os.O_RDONLY), Q_GETFMT << 8, 0, 0)
