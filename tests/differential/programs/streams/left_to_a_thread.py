# A stream that somebody holds who does not end is not let go of, and what is pending there is lost.
import _thread
import functools
import sys
import time

sleep = functools.partial(time.sleep, 100)
sleep.held = sys.stdout
_thread.start_new_thread(sleep, ())
del sleep
sys.stderr.write("hello\n")
sys.__stdout__.write("pending")
sys.stdout = None
