# attack = "changes files and directories of the image by every call that does"
# threats = [30]
# outcome = "OK"
# stdout = """
# open: EACCES
# truncate: EACCES
# create: EACCES
# O_TMPFILE: EACCES
# unlink: EACCES
# rename: EACCES
# rename a directory: EACCES
# rename out: EXDEV
# mkdir: EACCES
# rmdir: EACCES
# symlink: EACCES
# mkfifo: EACCES
# link out: EXDEV
# chmod: EPERM
# chown: EPERM
# utime: EPERM
# setxattr: EACCES
# chmod of the root: EPERM
# """
import os

from attack import attempt, escaped

FILE, DIRECTORY = "/usr/lib/python3.11/this.py", "/usr/lib/python3.11/wsgiref"  # nobody would miss them
attempt("open", os.open, FILE, os.O_WRONLY)
attempt("truncate", os.truncate, FILE, 0)
attempt("create", open, "/usr/bin/new", "x")
attempt("O_TMPFILE", os.open, "/usr/bin", os.O_TMPFILE | os.O_RDWR)
attempt("unlink", os.unlink, FILE)
attempt("rename", os.rename, FILE, FILE + ".new")
attempt("rename a directory", os.rename, DIRECTORY, DIRECTORY + ".new")
attempt("rename out", os.rename, FILE, "/workspace/new")
attempt("mkdir", os.mkdir, "/new")
attempt("rmdir", os.rmdir, "/usr/games")
attempt("symlink", os.symlink, "/tmp", "/etc/new")
attempt("mkfifo", os.mkfifo, "/etc/new")
attempt("link out", os.link, FILE, "/workspace/new")
attempt("chmod", os.chmod, FILE, 0o644)
attempt("chown", os.chown, FILE, 0, 0)
attempt("utime", os.utime, FILE, (0, 0))
attempt("setxattr", os.setxattr, FILE, "user.new", b"")
attempt("chmod of the root", os.chmod, "/", 0o755)
try:
    os.link(FILE, FILE + ".new")
    escaped("link")
except OSError:  # EPERM or EACCES, as fs.protected_hardlinks has it
    pass
