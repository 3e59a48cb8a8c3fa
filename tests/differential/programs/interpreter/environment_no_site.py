# env = { PYTHONNOUSERSITE = "1", PYTHONSAFEPATH = "1" }
import sys

print(sys.path, sys.flags)
