import os
import sys
import types


class Loud:
    def __del__(self, write=os.write):
        write(1, b"deleted\n")


class Quiet(types.ModuleType):
    pass


kept = Quiet("os")
kept.loud = Loud()
sys.modules["os"] = kept
os.path.other = kept
print("end")
