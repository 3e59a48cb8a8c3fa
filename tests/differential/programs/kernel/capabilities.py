import ctypes

libc = ctypes.CDLL(None, use_errno=True)
print([libc.prctl(23, capability, 0, 0, 0) for capability in range(45)])
print([libc.prctl(47, 1, capability, 0, 0) for capability in range(45)])
