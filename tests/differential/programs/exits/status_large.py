# outcome = "NONZERO_EXIT"
import sys

sys.exit(257)
