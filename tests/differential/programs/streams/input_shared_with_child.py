# stdin = "first\nsecond\nthird\n"
import os
import subprocess

print(os.read(0, 6))
print(subprocess.run(["cat"], capture_output=True).stdout)
