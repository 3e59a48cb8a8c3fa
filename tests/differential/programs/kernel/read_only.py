import os

for path in ("/", "/usr", "/etc", "/bin", "/usr/lib/python3.11", "/dev", "/proc", "/sys", "/var", "/root", "/home"):
    try:
        os.close(os.open(f"{path}/written", os.O_CREAT | os.O_WRONLY))
        print(path, "written")
    except OSError as error:
        print(path, error.strerror)
