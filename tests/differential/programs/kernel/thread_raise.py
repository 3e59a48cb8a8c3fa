# outcome = "SIGNALED"
# The C library sends it to the thread whose number it remembers.
import ctypes

getattr(ctypes.CDLL(None), "raise")(15)
print("not that of the process")
