import faulthandler
import sys
import threading

event, started = threading.Event(), threading.Event()
thread = threading.Thread(target=lambda: (started.set(), event.wait()))
thread.start()
started.wait()
faulthandler.dump_traceback(sys.stderr, all_threads=False)
event.set()
thread.join()
