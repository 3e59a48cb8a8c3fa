import os
import threading


def work():
    if os.fork() == 0:
        print(threading.main_thread().name, threading.active_count(), flush=True)
        os._exit(0)
    os.wait()


thread = threading.Thread(target=work, name="worker")
thread.start()
thread.join()
