# Not the collector's, and a warning that nobody asked for is all that it says at its end.
# differs = { stderr = "an object that is none of the collector's, on a module" }
import os
import warnings

warnings.simplefilter("always")
os.iterator = os.scandir("/")
print(next(os.iterator).is_dir())
