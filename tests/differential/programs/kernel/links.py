import os

for name in ("exe", "cwd", "root"):
    print(name, os.readlink(f"/proc/self/{name}"), os.readlink(f"/proc/{os.getpid()}/{name}"))
