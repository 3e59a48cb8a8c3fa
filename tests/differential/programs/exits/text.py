# outcome = "NONZERO_EXIT"
import sys

print("out")
sys.exit("the reason")
