# attack = "reads an input that is empty, and waits for more"
# threats = [14]
# limits = { wall_time = "10s" }
# outcome = "OK"
# stdout = "b''\n"
import sys

print(sys.stdin.buffer.read())
