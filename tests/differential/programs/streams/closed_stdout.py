# outcome = "OK"
import sys

sys.stdout.close()
print("never", file=sys.stderr)
