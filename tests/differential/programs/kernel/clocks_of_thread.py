import time

print(time.thread_time() < 1, time.process_time() - time.thread_time() < 0.5, time.perf_counter() > 0)
