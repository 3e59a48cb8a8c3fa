# attack = "has as many processes as it may while its neighbour does, were they counted by one user"
# threats = [24, 25]
# beside = "neighbours/processes"
# limits = { processes = 64 }
# outcome = "OK"
# stdout = "60 processes\n"
import os
import time

from attack import escaped

try:
    for number in range(60):
        if os.fork() == 0:
            time.sleep(5)
            os._exit(0)
except BlockingIOError:
    escaped(f"a neighbour's processes count: there is none but {number}")
time.sleep(0.3)
print("60 processes")
