# attack = "opens 100 terminals"
# threats = [8]
# outcome = "OK"
# stdout = """
# 64 terminals, then ENOSPC
# """
import errno
import os

from attack import escaped

terminals = []
try:
    while len(terminals) < 100:
        terminals.append(os.open("/dev/ptmx", os.O_RDWR | os.O_NOCTTY))
    escaped("100 terminals")
except OSError as error:
    print(len(terminals), "terminals, then", errno.errorcode[error.errno])
