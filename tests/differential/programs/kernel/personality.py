import ctypes

print(hex(ctypes.CDLL(None).personality(0xFFFFFFFF)))
