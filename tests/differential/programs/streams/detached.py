import os
import sys

raw = sys.stdout.detach()
raw.write(b"detached\n")
os.write(1, b"before\n")
raw.flush()
sys.stdout = open(1, "w", closefd=False)
print("new")
