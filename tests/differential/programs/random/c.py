# C's generator starts from the same seed in each process, as C says.
import ctypes

libc = ctypes.CDLL(None)
print([libc.rand() for _ in range(5)], [libc.random() for _ in range(3)])
