# What was loaded before the program is the collector's, as its own is: found by it, and collected.
import gc
import os
import weakref

print(any(found is vars(os) for found in gc.get_referrers(os.fspath)), gc.is_tracked(vars(os)))
print(any(found is os.environ for found in gc.get_objects()))
environment = weakref.ref(os._Environ)
os.environ = os.environb = os._Environ = None
gc.collect()
print(environment())
