import os

import _xxsubinterpreters as interpreters

os._Environ.interpreter = interpreters.create()
print("end")
