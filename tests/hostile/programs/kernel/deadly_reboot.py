# attack = "reboots, with words of magic that are none"
# threats = [41]
# outcome = "SECURITY_VIOLATION"
# blocked_syscall = "reboot"
# stdout = ""
# caught_by = ["seccomp", "capabilities"]
from attack import refused

refused("reboot", 169, 0, 0, 0, 0)
