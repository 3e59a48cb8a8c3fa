# With all that is global in the program, which a function of its own holds, and what was written to a file that nobody closes.
# collect = ["written"]
import os


class Loud:
    def __init__(self, name):
        self.name = name

    def __del__(self):
        print("deleted", self.name)


loud = Loud("global")
file = open("written", "w")
file.write("all of it")
os._Environ.shout = lambda self: file
print("end")
