# attack = "sends every signal to init, in every way"
# threats = [27]
# outcome = "OK"
# stdout = """
# forged: EPERM
# init is there
# """
import contextlib
import os
import select
import signal
import struct
import time

from attack import attempt, syscall

TKILL, TGKILL, RT_SIGQUEUEINFO, RT_TGSIGQUEUEINFO, PIDFD_SEND_SIGNAL = 200, 234, 129, 297, 424
SI_QUEUE, SI_KERNEL = -1, 128
INIT = 1


def information(number, code):
    return struct.pack("iiiii108x", number, 0, code, 0, 0)


init = os.pidfd_open(INIT)
for number in map(int, signal.valid_signals()):
    for send in (
        lambda n: os.kill(INIT, n),
        lambda n: os.killpg(INIT, n),
        lambda n: syscall(TKILL, INIT, n),
        lambda n: syscall(TGKILL, INIT, INIT, n),
        lambda n: syscall(RT_SIGQUEUEINFO, INIT, n, information(n, SI_QUEUE)),
        lambda n: syscall(RT_TGSIGQUEUEINFO, INIT, INIT, n, information(n, SI_QUEUE)),
        lambda n: syscall(PIDFD_SEND_SIGNAL, init, n, 0, 0),
    ):
        with contextlib.suppress(OSError):  # whether it may is not the question: what counts is that init lives
            send(number)
attempt("forged", syscall, RT_SIGQUEUEINFO, INIT, int(signal.SIGKILL), information(signal.SIGKILL, SI_KERNEL))
time.sleep(0.1)
assert not select.select([os.pidfd_open(INIT)], [], [], 0)[0], "init has ended"
print("init is there")
