import os
import signal

order = []
signal.signal(signal.SIGRTMIN, lambda number, frame: order.append(number))
os.kill(os.getpid(), signal.SIGRTMIN)
print(order, signal.SIGRTMIN, signal.SIGRTMAX)
