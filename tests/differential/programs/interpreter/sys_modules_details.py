import sys

for name, module in sys.modules.items():
    spec = getattr(module, "__spec__", None)
    print(name, getattr(module, "__file__", None), spec and spec.origin, type(getattr(module, "__loader__", None)))
