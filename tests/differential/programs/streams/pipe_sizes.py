import fcntl

print([fcntl.fcntl(fd, fcntl.F_GETPIPE_SZ) for fd in range(3)])
