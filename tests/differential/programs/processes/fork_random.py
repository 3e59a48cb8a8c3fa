# A fork has random numbers of its own.
import os
import random

random.random()
r, w = os.pipe()
if os.fork() == 0:
    os.write(w, repr(random.random()).encode())
    os._exit(0)
os.wait()
print(os.read(r, 100) != repr(random.random()).encode())
