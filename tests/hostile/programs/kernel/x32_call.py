# attack = "makes a call of the x32 table, which has the numbers of the other and a bit more"
# threats = [43]
# outcome = "SECURITY_VIOLATION"
# blocked_syscall = "x32:getpid"
# stdout = ""
from attack import refused

X32, GETPID = 1 << 30, 39
refused("getpid", X32 | GETPID)
