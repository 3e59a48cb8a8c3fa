# attack = "signals groups and sessions of others, and leaves its own"
# threats = [27]
# outcome = "OK"
# stdout = """
# group of the host: ESRCH
# session of the host: ESRCH
# group of init: ESRCH
# session other than its own: EPERM
# terminal: ENOTTY
# """
import os

from attack import attempt, bait

host = int(bait("PID"))
attempt("group of the host", lambda: os.killpg(os.getpgid(host), 0))
attempt("session of the host", os.getsid, host)
attempt("group of init", os.killpg, 1, 0)
attempt("session other than its own", os.setsid)  # who leads one already may not
attempt("terminal", os.tcsetpgrp, 0, os.getpid())
