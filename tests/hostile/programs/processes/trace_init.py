# attack = "traces init, reads its memory, and takes its descriptors and namespaces by a pidfd"
# threats = [28]
# outcome = "OK"
# stdout = """
# ptrace attach: EPERM
# ptrace seize: EPERM
# process_vm_readv: EPERM
# process_vm_writev: EPERM
# pidfd_getfd: EPERM
# kcmp: EPERM
# process_madvise: EPERM
# process_mrelease: EPERM
# setns: EPERM
# wait: ECHILD
# """
import contextlib
import ctypes
import fcntl
import os
import struct

from attack import attempt, checked, escaped, libc, syscall

PROCESS_VM_READV, PROCESS_VM_WRITEV, PIDFD_GETFD, KCMP, PROCESS_MADVISE, PROCESS_MRELEASE = 310, 311, 438, 312, 440, 448
PTRACE_ATTACH, PTRACE_SEIZE, CLONE_NEWNS, MADV_COLD = 16, 0x4206, 0x20000, 20
PIDFD_GET_NAMESPACES = range(0xFF01, 0xFF0B)  # Linux 6.11
INIT = 1

memory = ctypes.create_string_buffer(8)
part = struct.pack("QQ", ctypes.addressof(memory), 8)
init = os.pidfd_open(INIT)
attempt("ptrace attach", lambda: checked(libc.ptrace(PTRACE_ATTACH, INIT, 0, 0)))
attempt("ptrace seize", lambda: checked(libc.ptrace(PTRACE_SEIZE, INIT, 0, 0)))
attempt("process_vm_readv", syscall, PROCESS_VM_READV, INIT, part, 1, part, 1, 0)
attempt("process_vm_writev", syscall, PROCESS_VM_WRITEV, INIT, part, 1, part, 1, 0)
attempt("pidfd_getfd", syscall, PIDFD_GETFD, init, 0, 0)
attempt("kcmp", syscall, KCMP, os.getpid(), INIT, 0, 0, 0)
attempt("process_madvise", syscall, PROCESS_MADVISE, init, part, 1, MADV_COLD, 0)
attempt("process_mrelease", syscall, PROCESS_MRELEASE, init, 0)
attempt("setns", lambda: checked(libc.setns(init, CLONE_NEWNS)))
attempt("wait", os.waitid, os.P_PIDFD, init, os.WEXITED | os.WNOHANG)
for request in PIDFD_GET_NAMESPACES:
    with contextlib.suppress(OSError):  # of another kind where the kernel does not know the request
        fcntl.ioctl(init, request, 0)
        escaped(f"a namespace of init's by request {request:#x}")
