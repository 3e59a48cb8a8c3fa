import os
import time

times = os.times()
print(times.user + times.system < 1, times.children_user, times.children_system, time.process_time() < 1)
