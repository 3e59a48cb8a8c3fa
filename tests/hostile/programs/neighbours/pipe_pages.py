# attack = "takes most of the pipe buffers that a user has while its neighbour does"
# threats = [6]
# beside = "neighbours/pipe_pages"
# needs = "subordinate ids"
# outcome = "OK"
# stdout = "65536 bytes in the next\n"
import fcntl
import os
import time

from attack import escaped

SIZE = 1 << 20
with open("/proc/sys/fs/pipe-user-pages-soft") as file:
    pages = int(file.read())
ends = []
try:
    for _ in range(min(pages * 5 // 8 // (SIZE // 4096), 100)):
        ends += os.pipe()
        fcntl.fcntl(ends[-1], fcntl.F_SETPIPE_SZ, SIZE)
    ends += os.pipe()
except PermissionError:
    escaped(f"a neighbour's pipes count: there are none but {len(ends) // 2}")
time.sleep(0.3)
print(fcntl.fcntl(ends[-1], fcntl.F_GETPIPE_SZ), "bytes in the next")
