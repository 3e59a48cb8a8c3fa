# limits = { processes = 1 }
import os

try:
    os.fork()
except OSError as error:
    print(error)
