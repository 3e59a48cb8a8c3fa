import sys
import traceback

try:
    int("x")
except ValueError:
    traceback.print_exc()
    print(traceback.format_exc(limit=1))
traceback.print_stack(file=sys.stdout)
print(traceback.extract_stack())
