# What the program has had the collector pass over stays so.
import gc
import sys

gc.collect()
gc.freeze()
frozen = gc.get_freeze_count()
del sys.modules["gc"]
import gc

print(frozen > 4_000, gc.get_freeze_count() == frozen)
