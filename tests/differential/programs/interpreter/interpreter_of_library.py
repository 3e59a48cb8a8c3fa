# Another one inside of this, which ends with its number.
import os

import _xxsubinterpreters as interpreters

CODE = """
import atexit, os

class Loud:
    def __del__(self, write=os.write):
        write(1, b"deleted\\n")

os.loud = Loud()
atexit.register(os.write, 1, b"at exit\\n")
"""

os.environ.interpreter = interpreters.create()
interpreters.run_string(os.environ.interpreter, CODE)
print("end")
