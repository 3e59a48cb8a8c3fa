# attack = "floods both outputs at once from ten processes"
# threats = [50]
# limits = { output_bytes = "64KiB" }
# outcome = "OUTPUT_LIMIT"
# cause = "output_bytes"
import os

for number in range(10):
    if os.fork() == 0:
        for _ in range(1024):
            os.write(1 + number % 2, b"x" * (1 << 15))
        os.write(1, b"\nESCAPED it wrote 32 MiB\n")
        os._exit(0)
for _ in range(10):
    os.wait()
