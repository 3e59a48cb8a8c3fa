# env = { PYTHONPATH = "/workspace/lib:/tmp" }
# files = { "lib/mine.py" = "print('mine', __file__)" }
import sys

import mine

print(sys.path)
