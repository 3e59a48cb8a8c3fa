# outcome = "NONZERO_EXIT"
import atexit

atexit.register(print, "handler")
raise ValueError
