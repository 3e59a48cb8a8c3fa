# attack = "loads a kernel module out of a file in memory, with every signal blocked and handled"
# threats = [41]
# outcome = "SECURITY_VIOLATION"
# blocked_syscall = "finit_module"
# stdout = ""
# caught_by = ["seccomp", "capabilities", "user namespace"]
import os
import signal

from attack import refused

for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
    signal.signal(number, lambda *_: None)
signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
module = os.memfd_create("module")
os.write(module, b"\x7fELF and nothing")
refused("finit_module", 313, module, b"", 0)
