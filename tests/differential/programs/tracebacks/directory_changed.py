# outcome = "NONZERO_EXIT"
import os

os.chdir("/")
1 / 0
