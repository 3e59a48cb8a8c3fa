# attack = "keeps memory in extended attributes of 3000 files"
# threats = [8]
# limits = { memory_bytes = "64MiB" }
# outcome = "OK"
import errno
import os

from attack import escaped

VALUE = b"x" * 60_000
for number in range(3000):
    with open(f"/tmp/{number}", "wb") as file:
        try:
            os.setxattr(file.fileno(), "user.held", VALUE)
        except OSError as error:
            print("refused:", errno.errorcode[error.errno])
            break
else:
    escaped("holds 170 MiB in attributes")
