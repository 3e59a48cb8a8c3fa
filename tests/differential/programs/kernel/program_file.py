import os

status = os.stat(__file__)
print(oct(status.st_mode), status.st_uid, status.st_size, status.st_nlink, os.access(__file__, os.W_OK))
