import os
import stat

for name in sorted(os.listdir("/dev")):
    status = os.lstat(f"/dev/{name}")
    print(name, stat.filemode(status.st_mode), status.st_rdev)
