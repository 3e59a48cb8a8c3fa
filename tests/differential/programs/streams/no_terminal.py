import os
import shutil

try:
    os.get_terminal_size()
except OSError as error:
    print(error)
try:
    os.open("/dev/tty", os.O_RDWR)
except OSError as error:
    print(error)
print(shutil.get_terminal_size())
