# files = { "data.txt" = "from a file\n" }
import os
import sys

os.dup2(os.open("data.txt", os.O_RDONLY), 0)
print(sys.stdin.read(), sys.stdin.seekable(), sys.stdin.buffer.seekable())
