import ctypes

mode = ctypes.c_int(-1)
print(ctypes.CDLL(None).syscall(239, ctypes.byref(mode), None, 0, 0, 0), mode.value)
