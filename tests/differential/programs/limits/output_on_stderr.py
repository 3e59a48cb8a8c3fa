# outcome = "OUTPUT_LIMIT"
# limits = { output_bytes = "1KiB" }
import sys

while True:
    print("x" * 100, file=sys.stderr)
