# outcome = "SIGNALED"
import ctypes

ctypes.pythonapi.Py_FatalError(b"the end")
