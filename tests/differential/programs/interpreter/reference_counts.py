import sys

print(sys.getrefcount(sys.argv), sys.getrefcount(sys.stdout), sys.getrefcount(sys.modules["__main__"]))
