# How many classes there are is a matter of what was loaded: one word is enough.
# files = { "queue.py" = "import os\n\ndef deleted(kind, write=os.write, heard=[]):\n    heard or heard.append(write(1, b'deleted\\n'))\n" }
import abc
import queue

abc.ABCMeta.__del__ = queue.deleted
print("end", flush=True)
