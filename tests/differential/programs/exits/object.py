# outcome = "NONZERO_EXIT"
import sys

sys.exit(["a", "list"])
