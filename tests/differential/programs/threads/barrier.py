import threading

barrier = threading.Barrier(4)
order = []


def wait():
    order.append(barrier.wait())


threads = [threading.Thread(target=wait) for _ in range(4)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
print(sorted(order))
