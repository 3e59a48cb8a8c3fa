import functools
import os
import sys
import weakref


@functools.singledispatch
def gone(_, write=os.write):
    write(1, b"gone\n")


sys.reference = weakref.ref(os.path.join, gone)
sys.modules_of_it = functools, weakref
print("end", flush=True)
del os, gone
