import sys

print("\ud800 ü \udcff", file=sys.stderr)
