# outcome = "SIGNALED"
import ctypes
import faulthandler

faulthandler.enable()


def deep():
    ctypes.string_at(0)


deep()
