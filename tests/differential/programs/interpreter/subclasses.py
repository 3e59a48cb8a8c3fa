# Which classes there are before a program has made any. What waits in a template leaves some behind until they are collected.
left_behind = {"_ctypes", "_socket", "template"}
for cls in object.__subclasses__():
    if cls.__module__ not in left_behind and cls.__qualname__ != "CArgObject":
        print(cls.__module__, cls.__qualname__)
