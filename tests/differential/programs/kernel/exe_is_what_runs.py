# differs = { stdout = "a template's program is of another mount of the same image" }
import os
import sys

print(os.path.samefile("/proc/self/exe", sys.executable))
