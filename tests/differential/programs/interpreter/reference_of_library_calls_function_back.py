# It says of itself that it is the library's.
import os
import sys
import weakref


def gone(_, write=os.write):
    write(1, b"gone\n")


gone.__module__ = "posixpath"
sys.references = weakref.ref(os.path.join, gone), weakref.ref(os._Environ, gone)
print("end", flush=True)
del gone, os  # or what is global in the program would hold what is referred to
