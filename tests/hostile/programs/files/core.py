# attack = "crashes so that a core is dumped, into a file or into the host's crash handler"
# threats = [39]
# outcome = "OK"
# stdout = """
# core_pattern: EACCES
# core_pipe_limit: EACCES
# lower the limit: EPERM
# """
# caught_by = ["seccomp"]
import ctypes
import os
import resource

from attack import attempt, checked, escaped, libc

attempt("core_pattern", os.open, "/proc/sys/kernel/core_pattern", os.O_WRONLY)
attempt("core_pipe_limit", os.open, "/proc/sys/kernel/core_pipe_limit", os.O_WRONLY)
none = (ctypes.c_ulong * 2)(0, 0)
attempt("lower the limit", lambda: checked(libc.setrlimit(resource.RLIMIT_CORE, none)))
os.chdir("/tmp")
child = os.fork()
if child == 0:
    os.abort()
if os.WCOREDUMP(os.waitpid(child, 0)[1]) or os.listdir("/tmp"):
    escaped("a core was dumped")
