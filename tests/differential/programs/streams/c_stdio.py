import ctypes

libc = ctypes.CDLL(None)
print("python", flush=True)
libc.puts(b"c, in C's buffer until exit")
print("python again", flush=True)
libc.fflush(None)
libc.printf(b"%d and no line's end", 3)
