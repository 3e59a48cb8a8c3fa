# outcome = "OK"
import atexit
import sys

atexit.register(print, "first, last")
atexit.register(sys.exit, 3)
print("end")
