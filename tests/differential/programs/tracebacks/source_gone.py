# The lines are read when the traceback is printed.
# outcome = "NONZERO_EXIT"
import os

os.unlink(__file__)
1 / 0
