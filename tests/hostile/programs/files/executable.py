# attack = "overwrites the executable that it runs in, as CVE-2019-5736 did with runc"
# threats = [35]
# outcome = "OK"
# stdout = """
# write: refused
# truncate: refused
# write init's: ENOENT
# write one that has ended: refused
# """
import errno
import os
import sys

from attack import attempt


def write(name, path, flags=0):
    """Say that it is refused, to nobody in particular or to all: the mount of a template's executable is read-only."""
    try:
        os.open(path, os.O_WRONLY | flags)
        print(f"{name}: done")
    except OSError as error:
        print(f"{name}: {'refused' if error.errno in (errno.EACCES, errno.EROFS) else error}", flush=True)


if len(sys.argv) > 1:  # another program now, so that nothing executes what the descriptor leads to
    write("write one that has ended", f"/proc/self/fd/{sys.argv[1]}")
    sys.exit()
write("write", "/proc/self/exe")
write("truncate", "/proc/self/exe", os.O_TRUNC)
attempt("write init's", os.open, "/proc/1/exe", os.O_WRONLY)
if os.fork() == 0:
    os.execl("/usr/bin/bash", "bash", "-c", "exec 3</proc/self/exe; exec python3 main.py 3")
os.wait()
