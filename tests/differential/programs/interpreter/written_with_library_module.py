# collect = ["written"]
# A file that nobody closes is written when it is let go of.
import os

os.file = open("written", "w")
os.file.write("all of it")
print("end")
