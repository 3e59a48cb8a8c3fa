import ctypes

libc = ctypes.CDLL(None)
for name, option in {
    "dumpable": 3,
    "keepcaps": 7,
    "securebits": 27,
    "no_new_privs": 39,
    "seccomp": 21,
    "timerslack": 30,
    "thp": 42,
}.items():
    print(name, libc.prctl(option, 0, 0, 0, 0))
value = ctypes.c_int(-1)
print("subreaper", libc.prctl(37, ctypes.byref(value), 0, 0, 0), value.value)
