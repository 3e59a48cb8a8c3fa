# What a program sees of init.
import os

for name in ("cmdline", "comm", "status", "environ", "maps", "exe", "fd", "cwd"):
    path = f"/proc/1/{name}"
    try:
        print(
            name,
            os.readlink(path)
            if name in ("exe", "cwd")
            else os.listdir(path)
            if name == "fd"
            else len(open(path, "rb").read()) > 0,
        )
    except OSError as error:
        print(name, error.strerror)
