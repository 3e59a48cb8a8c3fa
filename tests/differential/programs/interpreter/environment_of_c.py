# What C's getenv says, which os.environ need not.
import ctypes
import os

libc = ctypes.CDLL(None)
libc.getenv.restype = ctypes.c_char_p
for name in ("PATH", "HOME", "LANG", "TZ", "PYTHONDONTWRITEBYTECODE", "TMPDIR", "NONE"):
    print(name, libc.getenv(name.encode()), os.environb.get(name.encode()))
os.environ["NONE"] = "one"
print(libc.getenv(b"NONE"), os.system("echo $NONE"))
