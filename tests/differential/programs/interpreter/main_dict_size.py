import sys

print(sys.getsizeof(globals()), len(globals()))
