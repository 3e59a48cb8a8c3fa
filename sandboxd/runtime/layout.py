"""The launcher's own root: a tmpfs with nothing of the host in it but /proc, six devices and the image store.

A container starts from a copy of this tree, so that even before its own root stands no file of the host is in reach.
"""

from __future__ import annotations

import errno
import os
import stat

from sandboxd.linux import loop, mounts, process
from sandboxd.linux.mounts import MountAttr, MountFlag

STORE = "/store"
IMAGES = "/images"
DEVICES = "/devices"
EMPTY = "/empty"
CONTAINER_ROOT = "/c/root"
CONTAINER_IMAGE = "/c/image"
CONTAINER_WRITABLE = "/c/writable"
STAT = "stat"
"""In the writable file system, beside what the program sees of it: what its container shows as /proc/stat."""
_DIRECTORIES = ("proc", "store", "images", "devices", "empty", "c", "c/root", "c/image", "c/writable")
_DEVICE_NAMES = ("null", "zero", "full", "random", "urandom", "tty")
_LINKS = {"fd": "/proc/self/fd", "stdin": "/proc/self/fd/0", "stdout": "/proc/self/fd/1", "stderr": "/proc/self/fd/2"}


def enter(store: str) -> None:
    """Move this process into a mount namespace with that root. Needs CAP_SYS_ADMIN."""
    process.unshare(process.Namespace.MOUNT)
    mounts.make_private()
    store_fd, proc_fd = mounts.clone_tree(store), mounts.clone_tree("/proc")
    devices = {name: mounts.clone_tree(f"/dev/{name}") for name in _DEVICE_NAMES}
    root = mounts.new_filesystem("tmpfs", MountAttr.NOSUID, mode="0755", size="1m")
    for directory in _DIRECTORIES:
        os.mkdir(directory, 0o755, dir_fd=root)
    mounts.attach(root, "/proc")  # any directory will do: what it hides is in hand as descriptors
    os.fchdir(root)
    mounts.pivot_into(".")
    mounts.attach(store_fd, STORE)
    mounts.attach(proc_fd, "/proc")
    _make_devices(devices)
    for fd in (root, store_fd, proc_fd, *devices.values()):
        os.close(fd)


def _make_devices(devices: dict[str, int]) -> None:
    """Build what every container sees as /dev. The file system is read-only, so that none can leave anything there."""
    guard = MountAttr.NOSUID | MountAttr.NODEV | MountAttr.NOEXEC
    mounts.attach_and_close(mounts.new_filesystem("tmpfs", guard, mode="0755"), DEVICES)
    for name, fd in devices.items():
        os.close(os.open(f"{DEVICES}/{name}", os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o666))
        mounts.set_attributes(fd, MountAttr.NOSUID | MountAttr.NOEXEC)
        mounts.attach(fd, f"{DEVICES}/{name}")
    for name in ("pts", "shm", "mqueue"):
        os.mkdir(f"{DEVICES}/{name}", 0o755)
    for name, target in _LINKS.items():
        os.symlink(target, f"{DEVICES}/{name}")
    os.symlink("pts/ptmx", f"{DEVICES}/ptmx")
    mounts.write_protect(DEVICES)


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
            _mount_image(f"{STORE}/{path}", place)
            self._mounted[identity] = place
        return place


def _identity(path: str) -> str:
    """Name the file behind a path: an image that was rebuilt is another file."""
    status = os.stat(path)
    return f"{path}:{status.st_dev}:{status.st_ino}:{status.st_mtime_ns}"


def _mount_image(source: str, place: str) -> None:
    guard = MountFlag.RDONLY | MountFlag.NOSUID | MountFlag.NODEV
    if stat.S_ISDIR(os.stat(source).st_mode):
        mounts.mount(source, place, None, MountFlag.BIND)
        mounts.mount(None, place, None, MountFlag.BIND | MountFlag.REMOUNT | guard)
        return
    try:
        mounts.mount(source, place, "erofs", guard)  # straight from the file: Linux 6.12
    except OSError as error:
        if error.errno != errno.ENOTBLK:
            raise
        with loop.attached(source) as device:
            mounts.mount(device, place, "erofs", guard)
