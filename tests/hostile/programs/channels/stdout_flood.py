# attack = "floods its output"
# threats = [50]
# limits = { output_bytes = 16 }
# outcome = "OUTPUT_LIMIT"
# cause = "output_bytes"
# stdout = "xxxxxxxxxxxxxxxx"
import os
import signal

for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
    signal.signal(number, signal.SIG_IGN)
for _ in range(4096):
    os.write(1, b"x" * (1 << 16))
os.write(1, b"\nESCAPED it wrote 256 MiB\n")
