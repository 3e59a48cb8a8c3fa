# files = { "part.py" = "x = 1", "package/__init__.py" = "" }
# collect = ["**"]
import os

import package
import part

print(sorted(os.listdir()), part.__cached__, package.__cached__)
