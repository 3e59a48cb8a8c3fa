# attack = "looks for what another container has left behind"
# threats = [5, 57]
# before = "memory/ipc_left"
# outcome = "OK"
# stdout = """
# shared memory: ENOENT
# messages: ENOENT
# semaphores: ENOENT
# POSIX queue: ENOENT
# /dev/shm: ENOENT
# /tmp: ENOENT
# /workspace: ENOENT
# """
import os

from attack import attempt, checked, libc

KEY = 0x5A4D
attempt("shared memory", lambda: checked(libc.shmget(KEY, 0, 0)))
attempt("messages", lambda: checked(libc.msgget(KEY, 0)))
attempt("semaphores", lambda: checked(libc.semget(KEY, 0, 0)))
attempt("POSIX queue", lambda: checked(libc.mq_open(b"/left", os.O_RDONLY)))
for directory in ("/dev/shm", "/tmp", "/workspace"):
    attempt(directory, open, f"{directory}/left")
