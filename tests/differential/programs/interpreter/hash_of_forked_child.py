import os
import sys

ours = hash("a")
if os.fork() == 0:
    os._exit(hash("a") != ours)
print(os.wait()[1], sys.flags.hash_randomization)
