# attack = "overwrites the executable that it runs in, as CVE-2019-5736 did with runc"
# threats = [35]
# outcome = "OK"
# stdout = """
# write: EACCES
# truncate: EACCES
# write init's: ENOENT
# write one that has ended: EACCES
# """
import os
import sys

from attack import attempt

if len(sys.argv) > 1:  # another program now, so that nothing executes what the descriptor leads to
    attempt("write one that has ended", os.open, f"/proc/self/fd/{sys.argv[1]}", os.O_WRONLY)
    sys.exit()
attempt("write", os.open, "/proc/self/exe", os.O_WRONLY)
attempt("truncate", os.open, "/proc/self/exe", os.O_WRONLY | os.O_TRUNC)
attempt("write init's", os.open, "/proc/1/exe", os.O_WRONLY)
if os.fork() == 0:
    os.execl("/usr/bin/bash", "bash", "-c", "exec 3</proc/self/exe; exec python3 main.py 3")
os.wait()
