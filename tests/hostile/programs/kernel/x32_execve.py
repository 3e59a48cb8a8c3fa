# attack = "makes a call that only the x32 table has, by the number that newer filters forget"
# threats = [43]
# outcome = "SECURITY_VIOLATION"
# blocked_syscall = "x32:syscall_520"
# stdout = ""
from attack import refused

X32, EXECVE = 1 << 30, 520
refused("execve", X32 | EXECVE, b"/bin/true", 0, 0)
