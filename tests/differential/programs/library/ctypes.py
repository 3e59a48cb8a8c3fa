import ctypes
import ctypes.util


class Pair(ctypes.Structure):
    _fields_ = [("a", ctypes.c_int), ("b", ctypes.c_double)]


libc = ctypes.CDLL(None, use_errno=True)
compare = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_int), ctypes.POINTER(ctypes.c_int))(
    lambda a, b: a[0] - b[0]
)
numbers = (ctypes.c_int * 5)(5, 2, 4, 1, 3)
libc.qsort(numbers, 5, 4, compare)
print(list(numbers), ctypes.sizeof(Pair), Pair(1, 2.0).b, libc.abs(-3), ctypes.get_errno())
