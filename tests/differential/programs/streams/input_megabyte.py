# stdin_bytes = 3000000
import sys

print(sum(sys.stdin.buffer.read()))
