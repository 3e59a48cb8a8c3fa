# attack = "makes deadly calls from fifty processes at once, each of which waits for its judge"
# threats = [41]
# outcome = "SECURITY_VIOLATION"
# blocked_syscall = "swapoff"
# stdout = ""
# caught_by = ["seccomp", "capabilities", "user namespace"]
import os

from attack import refused

reader, writer = os.pipe()
for _ in range(50):
    if os.fork() == 0:
        os.close(writer)
        os.read(reader, 1)  # they all begin when its last writer is gone
        refused("swapoff", 168, b"/nonexistent")
        os._exit(0)
os.close(writer)
for _ in range(50):
    os.wait()
