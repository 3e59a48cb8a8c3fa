import os
import threading

numbers = []
threads = [threading.Thread(target=lambda: numbers.append(threading.get_native_id() - os.getpid())) for _ in range(3)]
for thread in threads:
    thread.start()
    thread.join()
print(numbers)
