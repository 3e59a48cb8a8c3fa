# Not the collector's, and a warning that nobody asked for is all that it says at its end.
import os
import warnings

warnings.simplefilter("always")
os.iterator = os.scandir("/")
print(next(os.iterator).is_dir())
