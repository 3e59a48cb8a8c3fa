import threading

timer = threading.Timer(0.05, print, ["timer"])
timer.start()
timer.join()
print(timer.finished.is_set())
