import atexit


@atexit.register
def first():
    print("first, last")


@atexit.register
def broken():
    raise ValueError("at exit")


print("end")
