# outcome = "NONZERO_EXIT"
import ctypes

print("lost: C knows nothing of it")
ctypes.CDLL(None).exit(11)
