import os
import sys


class Last:
    def __del__(self, sys=sys, write=os.write):
        write(1, f"deleted, finalizing: {sys.is_finalizing()}\n".encode())


sys.last = Last()
builtin = Last()
print("end")
