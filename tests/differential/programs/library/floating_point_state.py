# The state of the processor's floating point unit.
import ctypes
import math

libm = ctypes.CDLL("libm.so.6")
print(libm.fegetround(), libm.fetestexcept(61), math.nextafter(1, 2), 5e-324 / 2, 1e308 * 10)
