# outcome = "NONZERO_EXIT"
import os
import threading

thread = threading.Thread(target=os._exit, args=(6,))
thread.start()
thread.join()
