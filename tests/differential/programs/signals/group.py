import os
import signal

signal.signal(signal.SIGUSR1, lambda number, frame: print("one of the group"))
os.killpg(os.getpgrp(), signal.SIGUSR1)
