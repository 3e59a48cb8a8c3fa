# differs = { stdout = "the C library's guards come of the random bytes that the kernel gives a program at its exec: the template's" }
# The guard of the stack lies at 0x28 of the thread's own block, the one of pointers at 0x30.
import ctypes

libc = ctypes.CDLL(None)
libc.pthread_self.restype = ctypes.c_void_p
print(ctypes.string_at(libc.pthread_self() + 0x28, 16))
