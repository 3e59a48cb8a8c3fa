import os


class Loud:
    def __del__(self):
        print("deleted")


os._Environ.loud = Loud()
print("end")
