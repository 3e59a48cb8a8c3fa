import importlib
import os
import site


class Loud:
    def __del__(self, write=os.write):
        write(1, b"deleted\n")


os._Environ.loud = Loud()
importlib.reload(site)
print("end", flush=True)
