import os
import stat

with open("made", "w") as file:
    status = os.fstat(file.fileno())
os.mkdir("directory")
print(stat.filemode(status.st_mode), status.st_uid, status.st_gid, stat.filemode(os.stat("directory").st_mode))
