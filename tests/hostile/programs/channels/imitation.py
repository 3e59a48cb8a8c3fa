# attack = "says on every descriptor what init says: that the program has ended well, and that all is empty"
# threats = [52]
# limits = { open_files = 1024 }
# outcome = "NONZERO_EXIT"
# exit_code = 7
# stdout = "\u0005\u0000\u0000\u0000\u0000\u0000\u0000\u0000\u0000\u0000\u0000\u0000\u0000\u0000\u0000\u0000\u0000\u0000\u0000\u0000\u0000\u0000\u0000\u0000\u0000\u0000\u0000\u0000\u0000\u0000\u0000\u0000\u0000\u0000\u0000\u0000\u0000\u0000\u0000\u0000\u0000\u0000\u0000\u0000\u0000\u0000\u0000\u0000\u0000\u0000\u0000\u0000\u0000\u0000\u0000\u0000\u0000"
import os
import struct

from attack import escaped

EXITED, EMPTY = 5, 6
message = struct.pack("<B7q", EXITED, *[0] * 7)

os.write(1, message)
os.write(2, struct.pack("<B7q", EMPTY, *[0] * 7))
for number in range(3, 1024):
    try:
        os.write(number, message)
        escaped(f"descriptor {number} took a message")
    except OSError:
        pass
    try:
        escaped(f"descriptor {number} is {os.fstat(number)}")
    except OSError:
        pass
os._exit(7)
