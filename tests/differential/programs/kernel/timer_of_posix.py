import ctypes

libc = ctypes.CDLL(None)
timer = ctypes.c_void_p()
print(libc.timer_create(1, None, ctypes.byref(timer)), timer.value)
