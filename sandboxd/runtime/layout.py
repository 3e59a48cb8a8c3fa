"""The launcher's own root: a tmpfs with nothing of the host in it but /proc and the image store.

A container starts from a copy of this tree, so that even before its own root stands no file of the host is in reach.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Sequence

from sandboxd.linux import loop, mounts, process, user_namespace
from sandboxd.linux.mounts import MountAttr, MountFlag

STORE = "/store"
IMAGES = "/images"
DEVICES = "/devices"
"""The host's own nodes, where no others can be made."""
CONTAINER_ROOT = "/c/root"
CONTAINER_IMAGE = "/c/image"
CONTAINER_WRITABLE = "/c/writable"
STAT = "stat"
"""In the writable file system, beside what the program sees of it: what its container shows as /proc/stat."""
EMPTY = "empty"
"""There too: what hides a directory."""
_DIRECTORIES = ("proc", "store", "images", "devices", "c", "c/root", "c/image", "c/writable")
# Major and minor numbers: Linux's admin-guide/devices.txt.
_DEVICES = {"null": (1, 3), "zero": (1, 5), "full": (1, 7), "random": (1, 8), "urandom": (1, 9), "tty": (5, 0)}
_LINKS = {"fd": "/proc/self/fd", "stdin": "/proc/self/fd/0", "stdout": "/proc/self/fd/1", "stderr": "/proc/self/fd/2"}


def enter(store: str) -> Sequence[str]:
    """Move this process into a mount namespace with that root. Needs CAP_SYS_ADMIN.

    Returns which of the host's device nodes are in it: none where containers can have nodes of their own (mknod(2)).
    """
    less_privileged = not user_namespace.is_initial()
    host_devices = tuple(_DEVICES) if less_privileged else ()
    process.unshare(process.Namespace.MOUNT)
    mounts.make_private()
    # Without what is mounted in them, such as a container engine's masks, with which no further /proc could be mounted. From a mount
    # namespace that was copied from a more privileged one nothing can be had without (mount_namespaces(7)).
    store_fd, proc_fd = (mounts.clone_tree(place, recursive=less_privileged) for place in (store, "/proc"))
    devices = {name: _clone_device(name) for name in host_devices}
    root = mounts.new_filesystem("tmpfs", MountAttr.NOSUID, mode="0755", size="1m")
    for directory in _DIRECTORIES:
        os.mkdir(directory, 0o755, dir_fd=root)
    mounts.attach(root, "/proc")  # any directory will do: what it hides is in hand as descriptors
    os.fchdir(root)
    mounts.pivot_into(".")
    mounts.attach(store_fd, STORE)
    mounts.attach(proc_fd, "/proc")
    for name, fd in devices.items():
        place = f"{DEVICES}/{name}"
        _make_file(place)
        mounts.attach(fd, place)
    for fd in (root, store_fd, proc_fd, *devices.values()):
        os.close(fd)
    return host_devices


def _clone_device(name: str) -> int:
    fd = mounts.clone_tree(f"/dev/{name}")
    # Read-only: a device is written to all the same.
    mounts.set_attributes(fd, MountAttr.RDONLY | MountAttr.NOSUID | MountAttr.NOEXEC)
    return fd


def _make_file(name: str, dir_fd: int | None = None) -> None:
    os.close(os.open(name, os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o444, dir_fd=dir_fd))


def make_devices(host_devices: Sequence[str]) -> int:
    """Make a /dev for one container, read-only, and return its detached mount.

    Its nodes are its own: on shared ones containers, and the host, could lock and watch each other. For those of the
    host there are places only.
    """
    guard = MountAttr.NOSUID | MountAttr.NOEXEC
    fd = mounts.new_filesystem("tmpfs", guard, mode="0755")
    umask = os.umask(0)
    for name, numbers in _DEVICES.items():
        if name in host_devices:
            _make_file(name, fd)
        else:
            os.mknod(name, stat.S_IFCHR | 0o666, os.makedev(*numbers), dir_fd=fd)
    os.umask(umask)
    for name in ("pts", "shm", "mqueue"):
        os.mkdir(name, 0o755, dir_fd=fd)
    for name, target in _LINKS.items():
        os.symlink(target, name, dir_fd=fd)
    os.symlink("pts/ptmx", "ptmx", dir_fd=fd)
    mounts.set_attributes(fd, guard | MountAttr.RDONLY)
    return fd


class Images:
    """The images that are mounted, each once, read-only, for all containers."""

    def __init__(self) -> None:
        self._mounted: dict[str, str] = {}

    def mount(self, path: str) -> str:
        """Mount the image at ``path`` below the store if it is not yet, and return where it is."""
        identity = _identity(f"{STORE}/{path}")
        place = self._mounted.get(identity)
        if place is None:
            place = f"{IMAGES}/{len(self._mounted)}"
            os.mkdir(place, 0o755)
            mount_image(f"{STORE}/{path}", place)
            self._mounted[identity] = place
        return place


def _identity(path: str) -> str:
    """Name the file behind a path: an image that was rebuilt is another file."""
    status = os.stat(path)
    return f"{path}:{status.st_dev}:{status.st_ino}:{status.st_mtime_ns}"


def mount_image(source: str, place: str) -> None:
    """Mount an image, an erofs file or a directory, read-only."""
    if stat.S_ISDIR(os.stat(source).st_mode):
        tree = mounts.clone_tree(source, recursive=True)
        mounts.set_attributes(tree, MountAttr.RDONLY | MountAttr.NOSUID | MountAttr.NODEV, recursive=True)
        mounts.attach_and_close(tree, place)
        return
    guard = MountFlag.RDONLY | MountFlag.NOSUID | MountFlag.NODEV
    try:
        mounts.mount(source, place, "erofs", guard)  # straight from the file: Linux 6.12
    except OSError as error:
        if error.errno != errno.ENOTBLK:
            raise
        with loop.attached(source) as device:
            mounts.mount(device, place, "erofs", guard)
