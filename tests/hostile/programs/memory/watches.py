# attack = "makes more inotify instances than the kernel has for one user"
# threats = [8, 38]
# limits = { open_files = 2048 }
# outcome = "OK"
# stdout = """
# refused: EMFILE
# """
import errno

from attack import checked, escaped, libc

try:
    for _ in range(1500):
        checked(libc.inotify_init())
    escaped("1500 inotify instances")
except OSError as error:
    print("refused:", errno.errorcode[error.errno])
