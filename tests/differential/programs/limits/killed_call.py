# outcome = "SECURITY_VIOLATION"
import ctypes

print("before", flush=True)
ctypes.CDLL(None).syscall(321, 0, 0, 0)
ctypes.CDLL(None).syscall(246, 0, 0, 0, 0)
