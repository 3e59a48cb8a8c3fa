# attack = "asks prctl for what it was denied: capabilities, securebits, privileges by exec, another memory map"
# threats = [45, 46]
# outcome = "OK"
# stdout = """
# dumpable as a setuid program: EINVAL
# keep capabilities: EPERM
# drop a capability: EPERM
# no securebits: EPERM
# ambient capability: EPERM
# new privileges: EINVAL
# no seccomp: EINVAL
# memory map: EPERM
# writes back for others: EPERM
# """
from attack import attempt, checked, libc

CAP_SYS_ADMIN = 21


def prctl(*arguments):
    return checked(libc.prctl(*arguments, *[0] * (5 - len(arguments))))


attempt("dumpable as a setuid program", prctl, 4, 2)  # PR_SET_DUMPABLE
attempt("keep capabilities", prctl, 8, 1)  # PR_SET_KEEPCAPS
attempt("drop a capability", prctl, 24, CAP_SYS_ADMIN)  # PR_CAPBSET_DROP
attempt("no securebits", prctl, 28, 0)  # PR_SET_SECUREBITS
attempt("ambient capability", prctl, 47, 2, CAP_SYS_ADMIN)  # PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE
attempt("new privileges", prctl, 38, 0)  # PR_SET_NO_NEW_PRIVS
attempt("no seccomp", prctl, 22, 0)  # PR_SET_SECCOMP
attempt("memory map", prctl, 35, 6, 0)  # PR_SET_MM, PR_SET_MM_START_BRK
attempt("writes back for others", prctl, 57, 1)  # PR_SET_IO_FLUSHER
