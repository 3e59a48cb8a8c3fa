# attack = "floods its terminal, and stops and starts what it shows meanwhile"
# threats = [50]
# tty = true
# limits = { output_bytes = 16 }
# outcome = "OUTPUT_LIMIT"
# cause = "output_bytes"
# stdout = "xxxxxxxxxxxxxxxx"
import os
import termios

for _ in range(1 << 14):
    os.write(1, b"x" * 1024)
    termios.tcflow(1, termios.TCOOFF)
    termios.tcflow(1, termios.TCOON)
os.write(1, b"\nESCAPED it wrote 16 MiB\n")
