# limits = { output_bytes = "4MiB" }
import sys

for i in range(10_000):
    print("out", i, "x" * 30)
    print("err", i, "y" * 30, file=sys.stderr)
