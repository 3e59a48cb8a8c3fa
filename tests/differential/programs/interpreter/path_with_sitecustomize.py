# env = { PYTHONPATH = "/workspace/lib" }
# files = { "lib/sitecustomize.py" = "print('customized', __file__)", "lib/mine.py" = "print('mine')" }
import sys

import mine

print(sys.path, "sitecustomize" in sys.modules, list(sys.path_importer_cache))
