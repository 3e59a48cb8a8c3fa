import functools
import itertools
import os
import sys
import weakref

write = functools.partial(next, itertools.starmap(os.write, [(1, b"gone\n")] * 2))
sys.proxies = weakref.proxy(os.path.join, write), weakref.proxy(os._Environ, write)
print("end", flush=True)
del os
