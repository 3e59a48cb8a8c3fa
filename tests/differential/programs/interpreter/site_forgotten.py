import os
import sys


class Loud:
    def __del__(self, write=os.write):
        write(1, b"deleted\n")


os._Environ.loud = Loud()
del sys.modules["site"]
print("end", flush=True)
