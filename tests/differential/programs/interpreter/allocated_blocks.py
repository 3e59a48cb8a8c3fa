# What the interpreter holds, to a tenth: a cold one has made garbage that a copy of another has not.
import sys

print(round(sys.getallocatedblocks(), -4))
