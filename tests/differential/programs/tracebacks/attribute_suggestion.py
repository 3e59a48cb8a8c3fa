# outcome = "NONZERO_EXIT"
import sys

sys.argw
