# Such a class has a function that is named for it, and is the library's own.
# collect = ["written", "printed"]
import collections
import os

file = open("written", "w")
file.write("all of it")
os._Environ.pair = collections.namedtuple("pair", "one other", defaults=[file])
print("one more", file=open("printed", "w"))
os.nothing = collections.namedtuple("nothing", "")
del file
