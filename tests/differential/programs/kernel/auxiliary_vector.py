# But for addresses, the 16 random bytes, and the ids (11 to 14).
import struct

data = open("/proc/self/auxv", "rb").read()
left_out = {3: "phdr", 7: "base", 9: "entry", 25: "random", 31: "execfn", 15: "platform", 33: "vdso"}
for kind, value in struct.iter_unpack("QQ", data):
    if kind not in range(11, 15):
        print(kind, left_out.get(kind, value))
