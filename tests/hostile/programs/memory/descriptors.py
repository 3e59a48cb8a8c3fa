# attack = "opens 4000 descriptors in each of 40 processes"
# threats = [8]
# limits = { memory_bytes = "64MiB", open_files = 4096 }
# outcome = "MEMORY_LIMIT"
# cause = "memory_bytes"
# stdout = ""
# caught_by = ["cgroup"]
from attack import checked, escaped, hold, libc


def take():
    for _ in range(1000):
        checked(libc.epoll_create1(0))
        checked(libc.timerfd_create(1, 0))
        checked(libc.eventfd(0, 0))
        checked(libc.signalfd(-1, bytes(128), 0))


hold(40, take)
escaped("40 processes have 4000 descriptors each")
