import queue
import threading

items, done = queue.Queue(2), []
thread = threading.Thread(target=lambda: [done.append(items.get()) for _ in range(10)])
thread.start()
for i in range(10):
    items.put(i)
thread.join()
print(done)
