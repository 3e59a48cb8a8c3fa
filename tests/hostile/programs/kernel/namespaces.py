# attack = "asks for a namespace of every kind, and enters those that it can name"
# threats = [34, 42]
# outcome = "OK"
# stdout = """
# unshare: EPERM
# clone: EPERM
# setns: EPERM
# init's: ENOENT
# """
# caught_by = ["seccomp"]
import errno
import os
import signal

from attack import attempt, escaped, syscall

EXIT, CLONE, UNSHARE, SETNS = 60, 56, 272, 308
FLAGS = {
    "time": 0x80,
    "mnt": 0x20000,
    "cgroup": 0x2000000,
    "uts": 0x4000000,
    "ipc": 0x8000000,
    "user": 0x10000000,
    "pid": 0x20000000,
    "net": 0x40000000,
}


def clone(flags):
    if syscall(CLONE, flags | signal.SIGCHLD, 0, 0, 0, 0) == 0:
        syscall(EXIT, 0)


def unshare(flags):
    syscall(UNSHARE, flags)


def setns(fd):
    syscall(SETNS, fd, 0)


def answers(call, arguments):
    found = set()
    for argument in arguments:
        try:
            call(argument)
            escaped(f"{call.__name__} of {argument:#x}")
        except OSError as error:
            found.add(errno.errorcode[error.errno])
    return " ".join(sorted(found))


every = sum(FLAGS.values())
print("unshare:", answers(unshare, (*FLAGS.values(), every)))
# The time namespace's flag is none of clone's: its bits are a signal's number there.
print("clone:", answers(clone, (*(flag for flag in FLAGS.values() if flag != 0x80), every)))
own = [os.open(f"/proc/self/ns/{name}", os.O_RDONLY) for name in FLAGS]
print("setns:", answers(setns, own))
attempt("init's", os.open, "/proc/1/ns/mnt", os.O_RDONLY)
