# env = { PYTHONOPTIMIZE = "2", PYTHONWARNINGS = "error", PYTHONDEVMODE = "1" }
import sys

assert False
print(sys.flags, sys.warnoptions, sys.flags.dev_mode)
