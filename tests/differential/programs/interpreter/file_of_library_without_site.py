# Which goes when the program has ended, but before the interpreter does.
# collect = ["written"]
import atexit
import os
import sys

atexit.register(exec, "os._Environ.file = open('written', 'w'); os._Environ.file.write('all of it')", {"os": os})
atexit.register(sys.modules.pop, "site")  # is called before
