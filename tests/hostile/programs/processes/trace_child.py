# attack = "traces its own child, reads and writes its memory, takes its descriptors, compares it"
# threats = [28]
# outcome = "OK"
# stdout = """
# ptrace attach: EPERM
# ptrace seize: EPERM
# traced by its parent: EPERM
# process_vm_readv: EPERM
# process_vm_writev: EPERM
# pidfd_getfd: EPERM
# kcmp: EPERM
# """
# caught_by = ["seccomp"]
import ctypes
import os
import struct
import time

from attack import attempt, checked, libc, syscall

PROCESS_VM_READV, PROCESS_VM_WRITEV, PIDFD_GETFD, KCMP = 310, 311, 438, 312
PTRACE_TRACEME, PTRACE_ATTACH, PTRACE_SEIZE = 0, 16, 0x4206

memory = ctypes.create_string_buffer(8)
part = struct.pack("QQ", ctypes.addressof(memory), 8)
child = os.fork()
if child == 0:
    time.sleep(6)
    os._exit(0)
attempt("ptrace attach", lambda: checked(libc.ptrace(PTRACE_ATTACH, child, 0, 0)))
attempt("ptrace seize", lambda: checked(libc.ptrace(PTRACE_SEIZE, child, 0, 0)))
attempt("traced by its parent", lambda: checked(libc.ptrace(PTRACE_TRACEME, 0, 0, 0)))
attempt("process_vm_readv", syscall, PROCESS_VM_READV, child, part, 1, part, 1, 0)
attempt("process_vm_writev", syscall, PROCESS_VM_WRITEV, child, part, 1, part, 1, 0)
attempt("pidfd_getfd", syscall, PIDFD_GETFD, os.pidfd_open(child), 1, 0)
attempt("kcmp", syscall, KCMP, os.getpid(), child, 0, 1, 1)
