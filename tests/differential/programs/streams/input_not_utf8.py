# stdin_bytes = 300
import sys

text = sys.stdin.read()
print(len(text), ascii(text[120:140]), sys.stdin.errors)
