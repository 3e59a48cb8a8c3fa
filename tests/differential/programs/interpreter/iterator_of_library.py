# It is none of the collector's objects, and warns when it goes.
import os
import warnings

warnings.simplefilter("always")
os.iterator = os.scandir("/")
print(next(os.iterator).is_dir())
