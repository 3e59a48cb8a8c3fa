# attack = "asks for one port of the machine, from a thread"
# threats = [41]
# outcome = "SECURITY_VIOLATION"
# blocked_syscall = "ioperm"
# stdout = ""
# caught_by = ["seccomp", "capabilities", "user namespace"]
import threading

from attack import refused

IOPERM, A_PORT_WITH_NOTHING_BEHIND = 173, 0x80
thread = threading.Thread(target=refused, args=("ioperm", IOPERM, A_PORT_WITH_NOTHING_BEHIND, 1, 1))
thread.start()
thread.join()
