# A child that still runs does not hold the answer up.
import os
import time

if os.fork() == 0:
    time.sleep(60)
print("parent ends")
