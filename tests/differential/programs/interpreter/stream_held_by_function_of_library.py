import os
import sys

stdout = sys.stdout


class Tee:
    def write(self, text):
        return stdout.write(text)

    def flush(self):
        pass


def getcwd(original=os.getcwd):
    return original().upper()


sys.stdout = Tee()
os.getcwd = getcwd
print("all of it", os.getcwd())
