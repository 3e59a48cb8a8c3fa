# attack = "writes single bytes as packets, each of which has to be read for itself"
# threats = [50]
# outcome = "OK"
# stdout = "0123456789012345678901234567890123456789 end\n"
import fcntl
import os

fcntl.fcntl(1, fcntl.F_SETFL, os.O_WRONLY | os.O_DIRECT)
for number in range(40):
    os.write(1, b"%d" % (number % 10))
os.write(1, b" end\n")
