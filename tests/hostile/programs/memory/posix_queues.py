# attack = "opens 200 POSIX message queues"
# threats = [5]
# outcome = "OK"
# stdout = """
# refused: EMFILE
# """
import errno
import os

from attack import checked, escaped, libc

try:
    for number in range(200):
        checked(libc.mq_open(f"/{number}".encode(), os.O_CREAT | os.O_RDWR, 0o600, None))
    escaped("200 message queues")
except OSError as error:
    print("refused:", errno.errorcode[error.errno])
