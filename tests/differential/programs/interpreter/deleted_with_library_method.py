import os


class Loud:
    def __del__(self):
        print("deleted")


os._Environ.copy.loud = Loud()
print("end")
