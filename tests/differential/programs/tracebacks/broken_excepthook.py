# outcome = "NONZERO_EXIT"
import sys

sys.excepthook = lambda *args: [][0]
1 / 0
