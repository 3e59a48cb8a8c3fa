# attack = "tells another that it is root, or process 1, by credentials in a message"
# threats = [40, 46]
# outcome = "OK"
# stdout = """
# as root: EPERM
# as init's user: EPERM
# as process 1: EPERM
# as itself: 1
# """
# caught_by = ["capabilities"]
import os
import socket
import struct

from attack import attempt

SCM_CREDENTIALS, INIT_UID = 2, 999
sender, receiver = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
receiver.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)


def say(pid, uid, gid):
    return sender.sendmsg([b"x"], [(socket.SOL_SOCKET, SCM_CREDENTIALS, struct.pack("3i", pid, uid, gid))])


attempt("as root", say, os.getpid(), 0, 0)
attempt("as init's user", say, os.getpid(), INIT_UID, os.getgid())
attempt("as process 1", say, 1, os.getuid(), os.getgid())
print("as itself:", say(os.getpid(), os.getuid(), os.getgid()))
