import os

print("never seen")
os.write(1, b"seen\n")
os._exit(0)
