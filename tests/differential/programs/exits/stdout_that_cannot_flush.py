# outcome = "NONZERO_EXIT"
# The interpreter flushes what sys.stdout is, when it ends; where that fails the exit status is 120, whatever comes after.
import sys


class Twice:
    def __init__(self, stream):
        self.stream = stream

    def write(self, text):
        self.stream.write(text * 2)


sys.stdout = Twice(sys.stdout)
print("hello")
