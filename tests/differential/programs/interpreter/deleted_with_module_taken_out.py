import sys


class Loud:
    def __del__(self):
        print("deleted")


sys.modules.pop("genericpath").loud = Loud()
print("end")
