"""What every image has whatever its packages: the accounts, /etc, the mount points, no file that gives privileges."""

from __future__ import annotations

from sandboxd.images import commands
from sandboxd.images.recipe import Steps
from sandboxd.images.tree import Tree

SANDBOX_ID = 1000
"""User and group of the program."""

_FILES = {
    "etc/passwd": f"""\
root:x:0:0:root:/root:/bin/sh
sandbox:x:{SANDBOX_ID}:{SANDBOX_ID}:sandbox:/workspace:/bin/sh
nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin
""",
    "etc/group": f"root:x:0:\nsandbox:x:{SANDBOX_ID}:\nnogroup:x:65534:\n",
    "etc/nsswitch.conf": "passwd: files\ngroup: files\nshadow: files\nhosts: files\nnetworks: files\n",
    "etc/hosts": "127.0.0.1 localhost\n::1 localhost\n",
    "etc/hostname": "sandbox\n",
    "etc/resolv.conf": "",
    "etc/fstab": "",
    "etc/timezone": "Etc/UTC\n",
    "etc/ld.so.conf": "include /etc/ld.so.conf.d/*.conf\n",
}
_LINKS = {"etc/localtime": "/usr/share/zoneinfo/Etc/UTC", "etc/mtab": "/proc/self/mounts", "var/tmp": "/tmp"}
_EMPTY = ("dev", "home", "proc", "run", "sys", "var")
_DIRECTORIES = ("var/lib", "usr/local/bin", "usr/local/include", "usr/local/lib", "usr/local/share")
# Package managers' leftovers, and what only a machine that boots or has passwords needs.
_REMOVED = ("boot", "media", "mnt", "opt", "srv", "etc/*-", "etc/*shadow", "etc/apt", "etc/dpkg", "etc/cron*")
# A set's order decides bytes of .pyc files; SOURCE_DATE_EPOCH their time stamps.
_REPEATABLE = {"PYTHONHASHSEED": "0", "SOURCE_DATE_EPOCH": "0"}


def finish(tree: Tree, steps: Steps) -> None:
    """Turn unpacked packages into the root of an image."""
    for pattern in (*_REMOVED, *steps.remove):
        tree.remove(pattern)
    for directory in _EMPTY:
        tree.empty(directory)
    for directory in _DIRECTORIES:
        tree.make_directory(directory)
    tree.make_directory("root", 0o700)
    tree.make_directory("tmp", 0o1777)
    tree.make_directory("workspace", 0o755, SANDBOX_ID)
    for file, text in _FILES.items():
        tree.write(file, text)
    for path, target in {**_LINKS, **steps.links}.items():
        tree.link(path, target)
    for argv in steps.run:
        commands.run_inside(str(tree.root), argv, env=_REPEATABLE)
    tree.empty("var/cache")  # ldconfig's
    tree.strip_privileges()
