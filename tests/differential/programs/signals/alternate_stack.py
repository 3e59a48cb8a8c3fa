import ctypes

buffer = ctypes.create_string_buffer(24)
print(ctypes.CDLL(None).sigaltstack(None, buffer), buffer.raw[:12])
