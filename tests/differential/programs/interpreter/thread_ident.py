import os
import threading

print(threading.main_thread().native_id == os.getpid() == threading.get_native_id(), threading.main_thread().name)
print(threading.active_count(), threading.stack_size())
