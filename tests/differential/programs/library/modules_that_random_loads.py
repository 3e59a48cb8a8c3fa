import sys

before = set(sys.modules)
import random
import tempfile

print(sorted(set(sys.modules) - before))
