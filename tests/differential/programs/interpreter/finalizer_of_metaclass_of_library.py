# How many there are is a matter of what was loaded: one word is enough.
import abc
import os

heard = []


def deleted(self, write=os.write, heard=heard):
    if not heard:
        heard.append(self)
        write(1, b"deleted\n")


abc.ABCMeta.__del__ = deleted
print("end", flush=True)
