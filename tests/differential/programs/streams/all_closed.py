# collect = ["left.txt"]
import os

os.closerange(0, 3)
with open("left.txt", "w") as file:
    file.write(f"{file.fileno()} {os.listdir('/proc/self/fd')}")
