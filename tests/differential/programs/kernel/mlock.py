import ctypes

print(ctypes.CDLL(None).mlockall(0))
