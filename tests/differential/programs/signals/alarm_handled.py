import signal
import time


def handler(number, frame):
    print(number, frame.f_code.co_name, frame.f_lineno)


signal.signal(signal.SIGALRM, handler)
signal.setitimer(signal.ITIMER_REAL, 0.05)
print(round(time.sleep(0.2) or 0))
