# env = { PYTHONIOENCODING = "latin-1:replace", PYTHONUTF8 = "0" }
import sys

print(sys.stdout.encoding, sys.stdout.errors, sys.stdin.encoding, "ü")
