# The last of it is written when the stream goes.
import os
import sys


class Loud:
    def __del__(self):
        print("deleted")


os.saved = sys.stdout
loud = Loud()
