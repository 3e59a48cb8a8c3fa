# The user's own directory is a place where site looks, before main.py is read.
# files = { ".local/lib/python3.11/site-packages/usercustomize.py" = "print('customized', __file__)" }
import sys

print("main", sys.path, "usercustomize" in sys.modules)
