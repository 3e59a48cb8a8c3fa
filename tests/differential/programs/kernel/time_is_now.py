# Neither the wall clock nor the random generator is that of another moment.
import os
import time

print(abs(time.time() - os.stat(__file__).st_mtime) < 60)
