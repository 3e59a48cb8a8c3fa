# What is nested deep is let go of later, and belongs to nobody until then.
import sys


class Loud:
    __del__ = print


deep = Loud()
for _ in range(48):
    deep = [deep]
hold = [sys.modules.pop("site"), deep]
del deep
print("hello")
