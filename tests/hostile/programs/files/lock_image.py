# attack = "locks files that all containers share, so that another has to wait, who is a second of itself"
# threats = [38]
# beside = "files/lock_image"
# needs = "root"
# outcome = "OK"
# stdout = """
# lease: EACCES
# """
import fcntl
import os
import time

from attack import attempt, escaped

held = []
for path in ("/usr/bin/python3.11", "/etc/passwd", "/dev/null", "/dev/urandom", "/proc/version"):
    held.append(os.open(path, os.O_RDONLY))
    try:
        fcntl.flock(held[-1], fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        escaped(f"another container's lock on {path}")
attempt("lease", fcntl.fcntl, held[0], fcntl.F_SETLEASE, fcntl.F_RDLCK)
time.sleep(0.2)
