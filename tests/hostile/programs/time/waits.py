# attack = "waits in a dozen ways for what never comes"
# threats = [14]
# limits = { wall_time = "0.5s" }
# outcome = "WALL_TIME_LIMIT"
# cause = "wall_time"
# stdout = ""
import fcntl
import os
import select
import signal
import socket
import threading
import time

from attack import checked, escaped, libc


def lock():
    """Lock a file that this process has locked already, by another descriptor."""
    for _ in range(2):
        fcntl.flock(os.open(f"lock{os.getpid()}", os.O_RDWR | os.O_CREAT), fcntl.LOCK_EX)


def futex():
    mutex = threading.Lock()
    mutex.acquire()
    mutex.acquire()


def fifo():
    os.mkfifo("fifo")
    os.open("fifo", os.O_RDONLY)


def accept():
    listener = socket.socket(socket.AF_UNIX)
    listener.bind("socket")
    listener.listen()
    listener.accept()


def message():
    checked(libc.msgrcv(checked(libc.msgget(0, 0o600)), bytes(16), 8, 0, 0))


def semaphore():
    checked(libc.semop(checked(libc.semget(0, 1, 0o600)), b"\0\0\xff\xff\0\0", 1))


def pipe():
    reader, _writer = os.pipe()
    os.read(reader, 1)


def sleep():
    time.sleep(8)


def wait_for_signal():
    signal.sigwait({signal.SIGUSR1})


def select_nothing():
    select.select([], [], [])


def poll_nothing():
    select.epoll().poll()


WAYS = [lock, futex, fifo, accept, message, semaphore, pipe, sleep, wait_for_signal, select_nothing, poll_nothing]
for way in [*WAYS, signal.pause]:
    if os.fork() == 0:
        way()
        escaped(f"{way.__name__} returned")
        os._exit(1)
time.sleep(6)
escaped("it waited for 6 s")
os.killpg(0, signal.SIGKILL)
