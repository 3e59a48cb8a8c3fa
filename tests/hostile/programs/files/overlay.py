# attack = "plays with what overlays are made of: whiteouts, attributes, exchanges between mounts, layers"
# threats = [30]
# outcome = "OK"
# stdout = """
# whiteout: EACCES
# rename with whiteout: EACCES
# exchange: EXDEV
# between places: EXDEV
# link between places: EXDEV
# opaque: EACCES
# redirect: EACCES
# trusted: EPERM
# /c/image: ENOENT
# /c/writable/upper: ENOENT
# /workspace/../upper: ENOENT
# /tmp/../work: ENOENT
# """
import os
import stat

from attack import attempt, syscall

AT_FDCWD, RENAME_EXCHANGE, RENAME_WHITEOUT = -100, 2, 4
FILE, DIRECTORY = "/usr/lib/python3.11/this.py", "/usr/lib/python3.11/wsgiref"


def rename(old, new, flags):
    return syscall(316, AT_FDCWD, old.encode(), AT_FDCWD, new.encode(), flags)


with open("/workspace/own", "w") as file:
    file.write("own")
attempt("whiteout", os.mknod, FILE + ".new", stat.S_IFCHR)
attempt("rename with whiteout", rename, FILE, FILE + ".new", RENAME_WHITEOUT)
attempt("exchange", rename, "/workspace/own", FILE, RENAME_EXCHANGE)
attempt("between places", os.rename, "/workspace/own", "/tmp/own")
attempt("link between places", os.link, "/workspace/own", "/dev/shm/own")
attempt("opaque", os.setxattr, DIRECTORY, "user.overlay.opaque", b"y")
attempt("redirect", os.setxattr, DIRECTORY, "user.overlay.redirect", b"/tmp")
attempt("trusted", os.setxattr, "/workspace/own", "trusted.overlay.metacopy", b"")
for layer in ("/c/image", "/c/writable/upper", "/workspace/../upper", "/tmp/../work"):
    attempt(layer, os.listdir, layer)
