import sys
import threading

threading.stack_size(64 << 20)
sys.setrecursionlimit(50_000)


def descend(n):
    return n and 1 + descend(n - 1)


thread = threading.Thread(target=lambda: print(descend(40_000)))
thread.start()
thread.join()
