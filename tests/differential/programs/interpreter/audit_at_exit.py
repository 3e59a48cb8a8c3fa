import os
import sys


def hook(event, arguments, write=os.write):
    if event.startswith("cpython."):
        write(1, event.encode())


sys.addaudithook(hook)
print("end")
