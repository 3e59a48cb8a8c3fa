import concurrent.futures
import time

executor = concurrent.futures.ThreadPoolExecutor(2)
executor.submit(lambda: (time.sleep(0.1), print("task ends")))
print("main ends")
