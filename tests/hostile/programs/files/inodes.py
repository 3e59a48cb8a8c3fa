# attack = "makes 20,000 files, directories and links"
# threats = [31, 8]
# outcome = "DISK_LIMIT"
# cause = "inodes"
# exit_code = 1
# stdout = """
# ENOSPC
# """
import errno
import os
import sys

from attack import escaped

try:
    for number in range(5000):
        os.mkdir(f"/tmp/{number}")
        os.close(os.open(f"/dev/shm/{number}", os.O_CREAT))
        os.symlink("x", f"/workspace/{number}")
        os.link(f"/dev/shm/{number}", f"/dev/shm/{number}.link")
    escaped("20,000 inodes")
except OSError as error:
    print(errno.errorcode[error.errno])
    sys.exit(1)
