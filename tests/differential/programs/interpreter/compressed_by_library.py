# By modules that the program imports, which are whole yet when it ends.
# collect = ["lines.bz2", "lines.gz", "lines.xz"]
import bz2
import gzip
import lzma
import os

files = [bz2.open("lines.bz2", "wb"), lzma.open("lines.xz", "wb"), open("lines.gz", "wb")]
files[2] = gzip.GzipFile("", "wb", fileobj=files[2], mtime=0)
original = os.getcwd


def getcwd():
    for file in files:
        file.write(b"a line\n")
    return original()


os.getcwd = getcwd
print(os.getcwd())
