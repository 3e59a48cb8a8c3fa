# outcome = "NONZERO_EXIT"
import os
import sys

os.close(0)
print(os.open("/dev/null", os.O_RDONLY))
os.close(0)
sys.stdin.read()
