# files = { "queue.py" = "import os, warnings; warnings.simplefilter('default'); entries = os.scandir('/'); first = lambda self: next(entries)" }
import os
import queue

os._Environ.first = queue.first
print("end")
