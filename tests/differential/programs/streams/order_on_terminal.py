# tty = true
import sys

for i in range(20):
    print("out", i)
    print("err", i, file=sys.stderr)
