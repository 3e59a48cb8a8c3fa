# Which libraries have asked to be told of a fork: a program that is forked from a template must not have more.
import ctypes
import os
import random
import threading

if os.fork() == 0:
    print(threading.main_thread(), threading.active_count(), threading.get_native_id() == os.getpid())
    raise SystemExit
print(os.wait()[1])
