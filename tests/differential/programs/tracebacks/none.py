# outcome = "NONZERO_EXIT"
import sys

sys.tracebacklimit = 0
1 / 0
