# attack = "loads another kernel by a descriptor, after it has closed all that it had but stdout"
# threats = [41]
# outcome = "SECURITY_VIOLATION"
# blocked_syscall = "kexec_file_load"
# stdout = ""
# caught_by = ["seccomp", "capabilities", "user namespace"]
import os

from attack import refused

stdout = os.dup(1)
os.closerange(0, 3)
os.dup2(stdout, 1)
refused("kexec_file_load", 320, -1, -1, 1, b"", 0)
