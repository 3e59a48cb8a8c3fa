# attack = "has the kernel write down every process that ends, into a file of its own"
# threats = [41]
# outcome = "SECURITY_VIOLATION"
# blocked_syscall = "acct"
# stdout = ""
# caught_by = ["seccomp", "capabilities", "user namespace"]
from attack import refused

refused("acct", 163, b"/nonexistent")
