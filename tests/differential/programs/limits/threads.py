# limits = { processes = 8 }
import threading

event, threads = threading.Event(), []
try:
    for _ in range(20):
        thread = threading.Thread(target=event.wait)
        thread.start()
        threads.append(thread)
except RuntimeError as error:
    print(len(threads), error)
event.set()
