"""What every image has whatever its packages: the accounts, /etc, the mount points, no file that gives privileges."""

from __future__ import annotations

import os

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


# Of an image from elsewhere, what engines put into a container, or find in it and replace.
_ENGINES = ("etc/hosts", "etc/hostname", "etc/resolv.conf")
_ACCOUNTS = {
    "etc/passwd": f"sandbox:x:{SANDBOX_ID}:{SANDBOX_ID}:sandbox:/workspace:/bin/sh\n",
    "etc/group": f"sandbox:x:{SANDBOX_ID}:\n",
}


def adopt(tree: Tree) -> None:
    """Give the root of an image from elsewhere what a container needs: mount points, an account. The rest stays, and has no privileges already."""
    for directory in ("dev", "proc", "sys"):
        tree.empty(directory)
    tree.make_directory("tmp", 0o1777)
    tree.make_directory("workspace", 0o755, SANDBOX_ID)
    if not os.path.lexists(tree.root / "etc"):  # as it is, where the image has one
        tree.make_directory("etc")
    for file in _ENGINES:
        tree.write(file, _FILES[file])
    for file, line in _ACCOUNTS.items():
        tree.write(file, with_account(tree.read(file), file, line))
    for file in (*_ENGINES, *_ACCOUNTS):
        tree.set_time(file)


def with_account(text: str | None, file: str, line: str) -> str:
    """Add a line to accounts or groups unless its number or its name is taken; where there is no file, return the one of other images."""
    if text is None:
        return _FILES[file]
    name, _, number = line.split(":")[:3]
    taken = [(*other.split(":"), "", "")[:3] for other in text.splitlines()]
    if any(other[0] == name or other[2] == number for other in taken):
        return text
    return text + ("\n" if text and not text.endswith("\n") else "") + line


def finish(tree: Tree, steps: Steps) -> None:
    """Turn unpacked packages into the root of an image."""
    for pattern in (*_REMOVED, *steps.remove):
        tree.remove(pattern)
    for directory in _EMPTY:
        tree.empty(directory, keep=steps.keep)
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
