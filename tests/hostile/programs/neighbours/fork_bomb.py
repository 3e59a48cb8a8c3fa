# attack = "forks 200 children that spin, beside an honest neighbour"
# threats = [13, 24]
# beside = "neighbours/honest"
# limits = { processes = 40 }
# outcome = "OK"
# stdout = "39 children, and no more\n"
import os
import time

end = time.monotonic() + 5
for number in range(200):
    try:
        if os.fork() == 0:
            while time.monotonic() < end:
                pass
            os._exit(0)
    except BlockingIOError:
        print(number, "children, and no more", flush=True)
        break
else:
    print("ESCAPED 200 children", flush=True)
time.sleep(0.4)
