# Every module of the library that can be imported without a screen, and what it says when it is.
import importlib
import sys
import warnings

warnings.simplefilter("ignore")
left_out = {"antigravity", "this", "idlelib", "lib2to3", "tkinter", "turtle", "turtledemo", "test"}
for name in sorted(sys.stdlib_module_names - left_out):
    try:
        importlib.import_module(name)
    except ImportError as error:
        print(name, error)
print(len(sys.modules))
