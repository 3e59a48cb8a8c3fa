import threading

print(
    sum(
        1
        for thread in [threading.Thread(target=int) for _ in range(200)]
        if thread.start() is None and thread.join() is None
    )
)
