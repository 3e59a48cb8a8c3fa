# files = { "part.py" = "print('loaded')\nx = 1" }
import importlib

import part

open("part.py", "w").write("print('again')\nx = 222222")
importlib.reload(part)
print(part.x)
