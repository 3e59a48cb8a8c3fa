import os
import sys

print("buffered")
os.write(1, b"written\n")
print("error", file=sys.stderr)
os.write(2, b"error written\n")
