# attack = "makes another directory its root, by the call that containers are made with"
# threats = [34]
# outcome = "SECURITY_VIOLATION"
# blocked_syscall = "pivot_root"
# stdout = ""
# caught_by = ["seccomp", "capabilities"]
from attack import attempt, syscall

attempt("pivot_root", syscall, 155, b".", b".")
