# attack = "makes device nodes, and opens devices of the host"
# threats = [33]
# outcome = "OK"
# stdout = """
# mknod 8:0: EACCES
# mknod 254:0: EACCES
# mknod 1:1: EACCES
# mknod 1:3: EACCES
# mknod in /dev: EROFS
# fuse: ENOENT
# kmsg: ENOENT
# kvm: ENOENT
# loop-control: ENOENT
# mem: ENOENT
# net/tun: ENOENT
# port: ENOENT
# sda: ENOENT
# vda: ENOENT
# create: EROFS
# chmod: EROFS
# """
import os
import stat

from attack import attempt

for kind, major, minor in ((stat.S_IFBLK, 8, 0), (stat.S_IFBLK, 254, 0), (stat.S_IFCHR, 1, 1), (stat.S_IFCHR, 1, 3)):
    attempt(f"mknod {major}:{minor}", os.mknod, f"/tmp/{major}.{minor}", kind | 0o666, os.makedev(major, minor))
attempt("mknod in /dev", os.mknod, "/dev/new", stat.S_IFCHR | 0o666, os.makedev(1, 3))
for name in ("fuse", "kmsg", "kvm", "loop-control", "mem", "net/tun", "port", "sda", "vda"):
    attempt(name, os.open, f"/dev/{name}", os.O_RDONLY)
attempt("create", open, "/dev/new", "x")
attempt("chmod", os.chmod, "/dev/null", 0o666)
