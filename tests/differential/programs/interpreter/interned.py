import sys

name = sys.intern("a name that nobody else has")
print(name is sys.intern("".join(["a name that nobody", " else has"])))
