import signal
import threading

signal.signal(signal.SIGUSR1, lambda number, frame: print(number, threading.current_thread().name))
signal.pthread_kill(threading.get_ident(), signal.SIGUSR1)
