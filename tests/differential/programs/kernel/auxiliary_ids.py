# differs = { stdout = "the kernel has told a template its own ids at its exec, as they are on the host" }
import struct

print(
    [value for kind, value in struct.iter_unpack("QQ", open("/proc/self/auxv", "rb").read()) if kind in range(11, 15)]
)
