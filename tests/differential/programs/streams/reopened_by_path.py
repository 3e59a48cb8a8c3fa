import os

with open("/dev/stdout", "w") as out, open("/proc/self/fd/2", "w") as err:
    out.write("by its path\n")
    err.write("so is this\n")
