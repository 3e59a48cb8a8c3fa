# attack = "loads system call filters of its own, which fill room that all share, and answer before the policy's filter"
# threats = [44]
# outcome = "OK"
# stdout = """
# filter: ENOSYS
# filter of all threads: ENOSYS
# listener: ENOSYS
# filter by prctl: EINVAL
# strict, by prctl: EINVAL
# strict: ENOSYS
# """
# caught_by = ["seccomp"]
import ctypes
import struct

from attack import attempt, checked, libc, syscall

SECCOMP, SET_MODE_STRICT, SET_MODE_FILTER, TSYNC, NEW_LISTENER = 317, 0, 1, 1, 8
PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, STRICT, FILTER = 38, 22, 1, 2
RETURN, ALLOW = 0x06, 0x7FFF0000

instruction = ctypes.create_string_buffer(struct.pack("HBBI", RETURN, 0, 0, ALLOW))
program = struct.pack("HxxxxxxQ", 1, ctypes.addressof(instruction))
checked(libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
attempt("filter", syscall, SECCOMP, SET_MODE_FILTER, 0, program)
attempt("filter of all threads", syscall, SECCOMP, SET_MODE_FILTER, TSYNC, program)
attempt("listener", syscall, SECCOMP, SET_MODE_FILTER, NEW_LISTENER, program)
attempt("filter by prctl", lambda: checked(libc.prctl(PR_SET_SECCOMP, FILTER, program)))
attempt("strict, by prctl", lambda: checked(libc.prctl(PR_SET_SECCOMP, STRICT, 0)))
attempt("strict", syscall, SECCOMP, SET_MODE_STRICT, 0, 0)
