import sys

for name in sys.modules:
    print(name)
