# stdin = "a\rb\r\nc\n"
import sys

print([line for line in sys.stdin], sys.stdin.newlines)
