# attack = "gives the kernel a file to swap to, from a child that has left its session"
# threats = [41]
# outcome = "SECURITY_VIOLATION"
# blocked_syscall = "swapon"
# stdout = ""
# caught_by = ["seccomp", "capabilities", "user namespace"]
import os

from attack import refused

if os.fork() == 0:
    os.setsid()
    refused("swapon", 167, b"/nonexistent", 0)
    os._exit(0)
os.wait()
