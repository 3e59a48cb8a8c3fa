import os
import sys


def is_finalizing(write=os.write):
    write(1, b"asked\n")
    return True


sys.is_finalizing = is_finalizing
print("end", flush=True)
