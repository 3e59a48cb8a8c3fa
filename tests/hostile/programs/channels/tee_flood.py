# attack = "floods its output without writing: the kernel doubles pages into it"
# threats = [50]
# limits = { output_bytes = 16 }
# outcome = "OUTPUT_LIMIT"
# cause = "output_bytes"
# stdout = "xxxxxxxxxxxxxxxx"
import os

from attack import syscall

TEE = 276
source, sink = os.pipe()
os.write(sink, b"x" * 4096)
for _ in range(1 << 14):
    syscall(TEE, source, 1, 4096, 0)
os.write(1, b"\nESCAPED it wrote 64 MiB\n")
