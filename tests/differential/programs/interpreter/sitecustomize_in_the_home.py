# files = { ".local/lib/python3.11/site-packages/sitecustomize.py" = "print('site customized')" }
import sys

print("main", "sitecustomize" in sys.modules)
