import os
import threading

event = threading.Event()
threading.Thread(target=event.wait).start()
print(sorted(int(number) - os.getpid() for number in os.listdir("/proc/self/task")))
event.set()
