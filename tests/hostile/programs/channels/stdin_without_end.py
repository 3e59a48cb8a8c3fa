# attack = "holds the writing end of its own input, so that it never ends, and reads on"
# threats = [14, 50]
# limits = { wall_time = "0.5s" }
# stdin = "in"
# outcome = "WALL_TIME_LIMIT"
# cause = "wall_time"
import os

writer = os.open("/proc/self/fd/0", os.O_WRONLY)
while data := os.read(0, 1 << 16):
    os.write(1, data)
print("ESCAPED its input has ended")
