# stdin = "a line for C\nand one for Python\n"
import ctypes

libc = ctypes.CDLL(None)
buffer = ctypes.create_string_buffer(100)
libc.fgets.restype = ctypes.c_char_p
print(libc.fgets(buffer, 100, ctypes.c_void_p.in_dll(libc, "stdin")))
