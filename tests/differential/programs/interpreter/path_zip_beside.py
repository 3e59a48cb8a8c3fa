# files = { "python311.zip" = "no archive", "lib/python3.11/os.py" = "raise SystemExit('wrong os')" }
import os

print(os.__file__)
