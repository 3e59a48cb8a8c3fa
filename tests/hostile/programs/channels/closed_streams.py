# attack = "closes its streams, so that the server might take it for dead, puts others in their place, and goes on"
# threats = [50]
# collect = ["late"]
# files = ["late"]
# outcome = "NONZERO_EXIT"
# exit_code = 3
# stdout = ""
import os
import socket
import time

os.closerange(0, 1024)
pair = socket.socketpair()
for number, fd in enumerate((pair[0].fileno(), os.memfd_create("stream"), os.eventfd(0))):
    os.dup2(fd, number)
time.sleep(0.2)
with open("late", "w") as late:
    late.write("late")
os._exit(3)
