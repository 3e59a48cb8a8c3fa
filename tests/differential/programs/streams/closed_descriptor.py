# outcome = "NONZERO_EXIT"
import os

print("lost")
os.close(1)
