# attack = "reads an input that is empty, and waits for more"
# threats = [14]
# outcome = "OK"
# stdout = "b''\n"
import sys

print(sys.stdin.buffer.read())
