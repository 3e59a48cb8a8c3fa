import sys

sys.displayhook("shown")
print(__builtins__._)
