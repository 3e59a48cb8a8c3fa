# In a thread, in the program's last words, in an object's.
import atexit
import threading


def collector(where):
    import gc

    print(where, gc.get_freeze_count(), len(gc.get_objects()) > 3_000, gc.isenabled(), flush=True)


class Last:
    def __del__(self):
        collector("deleted")


atexit.register(collector, "atexit")
last = Last()
thread = threading.Thread(target=collector, args=("thread",))
thread.start()
thread.join()
