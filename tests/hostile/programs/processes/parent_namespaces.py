# attack = "climbs from its namespaces to those around them"
# threats = [29, 34]
# outcome = "OK"
# stdout = """
# around its user namespace: EPERM
# around its pid namespace: EPERM
# owner of its user namespace: EPERM
# """
import fcntl
import os

from attack import attempt, escaped

NS_GET_USERNS, NS_GET_PARENT = 0xB701, 0xB702

user, pid = (os.open(f"/proc/self/ns/{kind}", os.O_RDONLY) for kind in ("user", "pid"))
attempt("around its user namespace", fcntl.ioctl, user, NS_GET_PARENT)
attempt("around its pid namespace", fcntl.ioctl, pid, NS_GET_PARENT)
attempt("owner of its user namespace", fcntl.ioctl, user, NS_GET_USERNS)
owner = fcntl.ioctl(pid, NS_GET_USERNS)
if os.fstat(owner).st_ino != os.fstat(user).st_ino:
    escaped("its pid namespace belongs to somebody else")
