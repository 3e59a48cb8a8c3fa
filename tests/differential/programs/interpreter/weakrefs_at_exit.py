import os
import weakref


class Mine:
    pass


def gone(ref, write=os.write):
    write(1, b"gone\n")


mine = Mine()
mine.itself = mine
refs = [
    weakref.ref(mine, gone),
    weakref.ref(os.environ, gone),
    weakref.ref(os.path.join, gone),
    weakref.ref(os._Environ, gone),
]
print("end")
