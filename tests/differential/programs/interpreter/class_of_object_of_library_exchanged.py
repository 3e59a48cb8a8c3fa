# An object of the library may become one of a class of the program's.
import functools
import os


class Environment(os._Environ):
    __del__ = functools.partial(os.write, 1, b"gone\n")


os.environ.__class__ = Environment
print("hello")
