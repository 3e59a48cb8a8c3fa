# differs = { stdout = "the random bytes that the kernel gives a program at its exec are the template's" }
import ctypes

libc = ctypes.CDLL(None)
libc.getauxval.restype = ctypes.c_ulong
print(ctypes.string_at(libc.getauxval(25), 16))
