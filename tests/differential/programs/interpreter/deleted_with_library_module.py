# Whatever module of the library a program hangs something on, it is let go of at the end.
import abc
import os


class Loud:
    deleted = 0

    def __del__(self):
        Loud.deleted += 1
        print("deleted", Loud.deleted)


for module in (abc, os, os.path):
    module.loud = Loud()
print("end")
