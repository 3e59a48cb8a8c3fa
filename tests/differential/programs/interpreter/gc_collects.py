import gc
import weakref


class Node:
    pass


a, b = Node(), Node()
a.other, b.other = b, a
ref = weakref.ref(a, lambda ref: print("gone"))
del a, b
print(gc.collect() >= 2, ref())
