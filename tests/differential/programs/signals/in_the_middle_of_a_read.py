import os
import signal
import threading

r, w = os.pipe()
signal.signal(signal.SIGALRM, lambda *_: os.write(w, b"from the handler"))
signal.setitimer(signal.ITIMER_REAL, 0.05)
print(os.read(r, 100))
