# attack = "fills the room that the kernel has for the compiled socket filters of everybody"
# threats = [8]
# limits = { open_files = 2048 }
# outcome = "OK"
# stdout = """
# filter: EPERM
# """
# caught_by = ["seccomp"]
import ctypes
import socket
import struct

from attack import attempt

SO_ATTACH_FILTER, BPF_DIV, BPF_RET = 26, 0x34, 0x06
MOST = 4096  # instructions of one filter
code = ctypes.create_string_buffer(
    struct.pack("HBBI", BPF_DIV, 0, 0, 3) * (MOST - 1) + struct.pack("HBBI", BPF_RET, 0, 0, 0)
)
program = struct.pack("HxxxxxxQ", MOST, ctypes.addressof(code))
sockets = [socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) for _ in range(1000)]
attempt("filter", lambda: [one.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, program) for one in sockets])
