# attack = "asks prctl for what would let go of its walls, lie about itself, or touch others"
# threats = [45, 46]
# outcome = "OK"
# stdout = """
# new privileges: EINVAL
# no filter: EINVAL
# strict filter: EINVAL
# another executable: EPERM
# other arguments: EPERM
# dumpable by root only: EINVAL
# flusher of disks: EPERM
# death by signal 65: EINVAL
# unknown: EPERM
# """
# caught_by = []
from attack import attempt, checked, libc

PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_SECCOMP, PR_SET_MM, PR_SET_NO_NEW_PRIVS = 1, 4, 22, 35, 38
PR_SET_IO_FLUSHER = 57
EXE_FILE, ARG_START, STRICT = 13, 8, 1


def prctl(*arguments):
    return checked(libc.prctl(*arguments, *(0,) * (5 - len(arguments))))


attempt("new privileges", prctl, PR_SET_NO_NEW_PRIVS, 0)
attempt("no filter", prctl, PR_SET_SECCOMP, 0)
attempt("strict filter", prctl, PR_SET_SECCOMP, STRICT)
attempt("another executable", prctl, PR_SET_MM, EXE_FILE, 0)
attempt("other arguments", prctl, PR_SET_MM, ARG_START, 4096)
attempt("dumpable by root only", prctl, PR_SET_DUMPABLE, 2)
attempt("flusher of disks", prctl, PR_SET_IO_FLUSHER, 1)
attempt("death by signal 65", prctl, PR_SET_PDEATHSIG, 65)
attempt("unknown", prctl, 12345)
