# attack = "makes more timers than signals may wait, in 4 processes together"
# threats = [8]
# outcome = "OK"
# stdout = """
# refused: EAGAIN
# """
import ctypes
import errno

from attack import checked, escaped, hold, libc


def take():
    for _ in range(1200):
        checked(libc.timer_create(0, None, ctypes.byref(ctypes.c_void_p())))


hold(3, take)
try:
    take()
    escaped("4 processes have 4800 timers together")
except OSError as error:
    print("refused:", errno.errorcode[error.errno])
