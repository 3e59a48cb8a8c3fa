import sys

before = set(sys.modules)
import json

print(sorted(set(sys.modules) - before))
