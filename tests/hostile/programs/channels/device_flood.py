# attack = "has the kernel move a device without end into its output"
# threats = [50]
# limits = { output_bytes = 16 }
# outcome = "OUTPUT_LIMIT"
# cause = "output_bytes"
import os

zeros = os.open("/dev/zero", os.O_RDONLY)
for _ in range(1 << 10):
    os.splice(zeros, 1, 1 << 16)
os.write(1, b"\nESCAPED it wrote 64 MiB\n")
