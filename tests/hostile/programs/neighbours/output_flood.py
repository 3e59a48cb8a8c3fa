# attack = "floods stdout and stderr in turn, beside an honest neighbour"
# threats = [50]
# beside = "neighbours/honest"
# limits = { output_bytes = "64KiB" }
# outcome = "OUTPUT_LIMIT"
# cause = "output_bytes"
import os

LINE = b"0123456789abcdef" * 256 + b"\n"
for _ in range(2000):
    os.write(1, LINE)
    os.write(2, LINE)
os.write(2, b"ESCAPED 16 MiB of output\n")
