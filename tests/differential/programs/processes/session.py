import os

for call in (os.setsid, os.setpgrp):
    try:
        print(call())
    except OSError as error:
        print(error)
