# The collector has more than one door.
import ctypes
import weakref


class Node:
    pass


node = Node()
node.itself = node
ref = weakref.ref(node)
del node
print(ctypes.pythonapi.PyGC_Collect() >= 1, ref())
