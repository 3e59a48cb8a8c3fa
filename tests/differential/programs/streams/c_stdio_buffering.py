# C's streams have done nothing yet.
import ctypes

libc = ctypes.CDLL(None)
libc.__fbufsize.restype = libc.__fpending.restype = ctypes.c_size_t
for name in ("stdin", "stdout", "stderr"):
    stream = ctypes.c_void_p.in_dll(libc, name)
    print(
        name,
        libc.__fbufsize(stream),
        libc.__flbf(stream),
        libc.__fpending(stream),
        libc.__freading(stream),
        libc.fileno(stream),
    )
