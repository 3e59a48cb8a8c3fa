# What the library has cached: nothing, before the program has asked for it.
import fnmatch
import functools
import re
import linecache
import struct

print(len(re._cache), len(linecache.cache), fnmatch._compile_pattern.cache_info())
