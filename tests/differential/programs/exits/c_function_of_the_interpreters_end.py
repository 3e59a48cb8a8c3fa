# outcome = "SIGNALED"
# Py_AtExit has a function of C called at the interpreter's very end.
import ctypes

ctypes.pythonapi.Py_AtExit(ctypes.cast(ctypes.CDLL(None).abort, ctypes.c_void_p))
print("lost")
