import threading

results = []
threads = [threading.Thread(target=results.append, args=(i,)) for i in range(10)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(sorted(results), [thread.name for thread in threads])
