# differs = { stdout = "a cold program is process 2 of its container, a template's fork process 3" }
import os

print(os.getpid())
