import ctypes
import os

libc = ctypes.CDLL(None, use_errno=True)
print(libc.syscall(250, 0, -3, 0), os.strerror(ctypes.get_errno()))
