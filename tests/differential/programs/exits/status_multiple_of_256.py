import sys

print("0 in the end")
sys.exit(256)
