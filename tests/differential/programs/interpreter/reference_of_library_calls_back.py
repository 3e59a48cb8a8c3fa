# By what is no function of the program's, nor anything else of it.
import functools
import itertools
import os
import sys
import weakref

write = functools.partial(next, itertools.starmap(os.write, [(1, b"gone\n")] * 2))
sys.references = weakref.ref(os.path.join, write), weakref.ref(os._Environ, write)
print("end", flush=True)
