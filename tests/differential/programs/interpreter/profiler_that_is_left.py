# A profiler that goes while calls are open ends them, and asks its clock.
import _lsprof
import functools
import os
import sys

profiler = os.saved = _lsprof.Profiler(functools.partial(os.write, 1, b"tick\n"))


def stop():
    sys.setprofile(None)


profiler.enable()
stop()
del profiler
print("hello", flush=True)
