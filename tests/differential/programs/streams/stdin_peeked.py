# stdin = "0123456789"
import sys

print(sys.stdin.buffer.peek(1)[:3], sys.stdin.read(3), sys.stdin.buffer.raw.read(10))
