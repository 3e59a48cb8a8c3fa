# A stream is closed when it goes, by what the program has put there.
import functools
import os
import sys

sys.stdout.buffer.raw.close = functools.partial(os.write, 1, b"closed\n")
print("hello")
