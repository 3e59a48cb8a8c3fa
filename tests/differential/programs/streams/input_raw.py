# stdin = "0123456789"
import os
import sys

print(os.read(0, 4), sys.stdin.buffer.read(2), os.read(0, 100))
