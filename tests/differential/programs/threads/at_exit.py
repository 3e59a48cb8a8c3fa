import threading
import time


def late():
    time.sleep(0.2)
    print("after the main thread's end")


threading.Thread(target=late).start()
print("main ends")
