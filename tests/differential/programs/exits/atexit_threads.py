import atexit
import threading


def late():
    print(threading.current_thread().name, threading.active_count())
    thread = threading.Thread(target=print, args=("from a late thread",))
    thread.start()
    thread.join()


atexit.register(late)
