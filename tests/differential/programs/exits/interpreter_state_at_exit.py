import atexit
import sys
import threading

atexit.register(lambda: print(sys.is_finalizing(), threading.main_thread().is_alive()))
