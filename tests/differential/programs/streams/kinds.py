import os
import stat

for fd in range(3):
    status = os.fstat(fd)
    print(fd, stat.filemode(status.st_mode), status.st_uid, status.st_gid, status.st_nlink, status.st_blksize)
