import os


def deleted(self, write=os.write):
    write(1, b"deleted\n")


os._Environ.__del__ = deleted
print("end", flush=True)
