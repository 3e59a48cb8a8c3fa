# outcome = "NONZERO_EXIT"
import os
import sys

os.out = sys.stdout.detach()
os.out.write(b"hello\n")
