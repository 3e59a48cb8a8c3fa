# attack = "gives pages to pipes and forgets them, so that they belong to no process"
# threats = [6]
# limits = { memory_bytes = "32MiB", open_files = 2048 }
# outcome = "MEMORY_LIMIT"
# cause = "memory_bytes"
# stdout = ""
# caught_by = ["cgroup"]
import ctypes
import mmap
import os

from attack import checked, escaped, libc

SPLICE_F_NONBLOCK, SPLICE_F_GIFT = 2, 8
for _ in range(500):
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    pages = mmap.mmap(-1, 64 << 10, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    pages.write(b"x" * len(pages))
    vector = (ctypes.c_void_p * 2)(ctypes.addressof(ctypes.c_char.from_buffer(pages)), len(pages))
    given = checked(libc.vmsplice(writer, vector, 1, SPLICE_F_NONBLOCK | SPLICE_F_GIFT))
    assert given > 0
escaped("pipes hold 500 gifts")
