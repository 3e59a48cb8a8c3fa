import sys

try:
    import sitecustomize
except ImportError as error:
    print(type(error), error, error.name, error.path)
try:
    import usercustomize
except ImportError as error:
    print(type(error), error)
print([name for name in sys.modules if "custom" in name])
