# attack = "stops its terminal, and then waits for what it has written to be shown"
# threats = [14, 50]
# tty = true
# limits = { wall_time = "0.5s" }
# outcome = "WALL_TIME_LIMIT"
# cause = "wall_time"
import os
import termios

os.write(1, b"before")
termios.tcdrain(1)
termios.tcflow(1, termios.TCOOFF)
os.write(1, b"ESCAPED after")
