# It is that one's, and not what this one's is about.
# collect = ["written"]
import os

import _xxsubinterpreters as interpreters

other = interpreters.create()
interpreters.run_string(other, "import gc")
interpreters.destroy(other)
file = open("written", "w")
file.write("all of it")
os._Environ.write = lambda self, text: file.write(text)
