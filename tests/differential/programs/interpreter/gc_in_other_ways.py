import importlib
import importlib.util
import sys

print("gc" in sys.modules, importlib.util.find_spec("gc"))
gc = importlib.import_module("gc")
print(gc is sys.modules["gc"], gc.__spec__, gc.__doc__)
importlib.reload(gc)
print(gc.get_freeze_count(), gc.get_threshold(), sorted(vars(gc)))
