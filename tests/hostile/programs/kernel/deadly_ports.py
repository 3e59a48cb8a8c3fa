# attack = "asks for the ports of the machine"
# threats = [41]
# outcome = "SECURITY_VIOLATION"
# blocked_syscall = "iopl"
# stdout = ""
# caught_by = ["seccomp", "capabilities", "user namespace"]
from attack import refused

refused("iopl", 172, 3)
