# What was loaded may be given a finalizer, by a function that is none of Python.
import functools
import os

os._Environ.__del__ = functools.partial(os.write, 1, b"gone\n")
print("hello")
