# attack = "Piston, runaway_output.py: prints without end"
# threats = [50]
# limits = { output_bytes = "64KiB" }
# outcome = "OUTPUT_LIMIT"
# cause = "output_bytes"
import sys

for _ in range(2_000_000):
    print("Piston")
print("ESCAPED 14 MB of output")
print("ESCAPED 14 MB of output", file=sys.stderr)
