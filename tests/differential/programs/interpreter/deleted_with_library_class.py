# differs = { stdout = "what a program hangs on a class that was loaded in a template, is let go of only where it has imported gc" }
import os


class Loud:
    def __del__(self, write=os.write):
        write(1, b"deleted\n")


os._Environ.loud = Loud()
print("end")
