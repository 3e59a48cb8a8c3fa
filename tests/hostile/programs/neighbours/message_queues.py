# attack = "takes most of the message queues that a user has, under the names that its neighbour has"
# threats = [5]
# beside = "neighbours/message_queues"
# needs = "root"
# outcome = "OK"
# stdout = "most of them\n"
import ctypes
import os
import resource
import time

from attack import checked, escaped, libc

MESSAGES, SIZE = 10, 8192
attributes = (ctypes.c_long * 8)(0, MESSAGES, SIZE)
most = resource.getrlimit(resource.RLIMIT_MSGQUEUE)[0] * 5 // 8 // (MESSAGES * SIZE)
try:
    for number in range(min(most, 50)):
        checked(libc.mq_open(b"/neighbour%d" % number, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600, attributes))
except OSError as error:
    escaped(f"a neighbour's queues count: {error.strerror} after {number} of {most}")
time.sleep(0.3)
print("most of them")
