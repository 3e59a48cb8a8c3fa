"""The launcher's own root: a tmpfs with nothing of the host in it but /proc and the image store.

A container starts from a copy of this tree, so that even before its own root stands no file of the host is in reach.
"""

from __future__ import annotations

import errno
import itertools
import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass

from sandboxd.linux import loop, mounts, process, user_namespace
from sandboxd.linux.mounts import MountAttr, MountFlag
from sandboxd.model import MOST_LAYERS

STORE = b"/store"
IMAGES = b"/images"
DEVICES = "/devices"
"""The host's own nodes, where no others can be made."""
CONTAINER_ROOT = b"/c/root"
CONTAINER_LAYER = b"/c/image/%d"
CONTAINER_WRITABLE = b"/c/writable"
STAT = "stat"
"""In the writable file system, beside what the program sees of it: what its container shows as /proc/stat."""
EMPTY = "empty"
"""There too: what hides a directory."""
WORKSPACE_WORK = "workspace-work"
"""There too, of an image that has files in its workspace: what overlayfs needs beside what a program changes in them."""
_WORKSPACE = b"/workspace"
_DIRECTORIES = (
    *("proc", "store", "images", "devices", "c", "c/root", "c/image", "c/writable"),
    *(f"c/image/{number}" for number in range(MOST_LAYERS)),
)
# Major and minor numbers: Linux's admin-guide/devices.txt.
_DEVICES = {"null": (1, 3), "zero": (1, 5), "full": (1, 7), "random": (1, 8), "urandom": (1, 9), "tty": (5, 0)}
_GUARD = MountAttr.NOSUID | MountAttr.NOEXEC
_READ_ONLY = _GUARD | MountAttr.RDONLY
_LINKS = {"fd": "/proc/self/fd", "stdin": "/proc/self/fd/0", "stdout": "/proc/self/fd/1", "stderr": "/proc/self/fd/2"}


def enter(store: str) -> tuple[str, ...]:
    """Move this process into a mount namespace with that root. Needs CAP_SYS_ADMIN.

    Returns which of the host's device nodes are in it: none where containers can have nodes of their own (mknod(2)).
    """
    less_privileged = not user_namespace.is_initial()
    host_devices = tuple(_DEVICES) if less_privileged else ()
    process.unshare(process.Namespace.MOUNT)
    mounts.make_private()
    # Without what is mounted in them, such as a container engine's masks, with which no further /proc could be mounted. From a mount
    # namespace that was copied from a more privileged one nothing can be had without (mount_namespaces(7)).
    store_fd, proc_fd = (
        mounts.clone_tree(place, recursive=less_privileged) for place in (os.fsencode(store), b"/proc")
    )
    mounts.set_attributes(store_fd, MountAttr.RDONLY | MountAttr.NOSUID | MountAttr.NODEV, recursive=less_privileged)
    devices = {name: _clone_device(name) for name in host_devices}
    root = mounts.new_filesystem("tmpfs", MountAttr.NOSUID, mode="0755", size="1m")
    for directory in _DIRECTORIES:
        os.mkdir(directory, 0o755, dir_fd=root)
    mounts.attach(root, b"/proc")  # any directory will do: what it hides is in hand as descriptors
    os.fchdir(root)
    mounts.pivot_into(b".")
    mounts.attach(store_fd, STORE)
    mounts.attach(proc_fd, b"/proc")
    # Over it one that shows what came of this process, and nothing else. It may be had because the other is there.
    mounts.mount(b"proc", b"/proc", b"proc", MountFlag.NOSUID | MountFlag.NODEV | MountFlag.NOEXEC)
    for name, fd in devices.items():
        place = f"{DEVICES}/{name}"
        _make_file(place)
        mounts.attach(fd, os.fsencode(place))
    for fd in (root, store_fd, proc_fd, *devices.values()):
        os.close(fd)
    return host_devices


def _clone_device(name: str) -> int:
    fd = mounts.clone_tree(os.fsencode(f"/dev/{name}"))
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
    fd = mounts.new_filesystem("tmpfs", _GUARD, mode="0755")
    umask = os.umask(0)
    try:
        for name, numbers in _DEVICES.items():
            if name in host_devices:
                _make_file(name, fd)
            else:
                os.mknod(name, stat.S_IFCHR | 0o666, os.makedev(*numbers), dir_fd=fd)
    finally:
        os.umask(umask)
    for name in ("pts", "shm", "mqueue"):
        os.mkdir(name, 0o755, dir_fd=fd)
    for name, target in _LINKS.items():
        os.symlink(target, name, dir_fd=fd)
    os.symlink("pts/ptmx", "ptmx", dir_fd=fd)
    mounts.set_attributes(fd, _READ_ONLY)
    return fd


@dataclass(frozen=True, slots=True)
class _Layer:
    """A layer that is mounted."""

    place: bytes
    has_files: bool
    """Whether there is anything in its workspace."""


class Images:
    """The layers of images that are mounted, each once, read-only, for all containers."""

    def __init__(self) -> None:
        self._mounted: dict[tuple[int, int, int], _Layer] = {}
        self._known: dict[str, tuple[int, int, int]] = {}
        self._numbers = itertools.count()

    def mount_all(self, paths: Sequence[str]) -> tuple[bytes, ...]:
        """Mount an image's layers, as far as they are not yet, and return where they are."""
        if not 1 <= len(paths) <= MOST_LAYERS:
            raise OSError(errno.EINVAL, f"an image of {len(paths)} layers")
        return tuple(self._mount(path).place for path in paths)

    def workspaces(self, paths: Sequence[str]) -> tuple[int, ...]:
        """Return the numbers of those of an image's mounted layers that have something in their workspace.

        That was looked at when they were mounted: no container waits for it.
        """
        return tuple(number for number, path in enumerate(paths) if self._mounted[self._known[path]].has_files)

    def _mount(self, path: str) -> _Layer:
        """Mount what is at ``path`` below the store. Images that share a layer have links to one file, which is mounted once."""
        source = b"%s/%s" % (STORE, os.fsencode(path))
        identity = _identity(source)
        self._known[path] = identity
        layer = self._mounted.get(identity)
        if layer is None:
            place = b"%s/%d" % (IMAGES, next(self._numbers))
            os.mkdir(place, 0o755)
            try:
                mount_image(source, place)
            except OSError:
                os.rmdir(place)
                raise
            layer = self._mounted[identity] = _Layer(place, _has_files(place + _WORKSPACE))
        return layer

    def forget(self, paths: Sequence[str]) -> None:
        """Let go of an image's layers, but for those that another image has. Containers have mounts of their own."""
        for path in paths:
            identity = self._known.pop(path, None)
            if identity in self._mounted and identity not in self._known.values():
                place = self._mounted.pop(identity).place
                mounts.unmount(place)
                os.rmdir(place)


def _identity(path: bytes) -> tuple[int, int, int]:
    """Name the file behind a path: an image that was rebuilt is another file."""
    status = os.stat(path)
    return status.st_dev, status.st_ino, status.st_mtime_ns


def _has_files(workspace: bytes) -> bool:
    """Whether there is such a directory, and anything in it. A link is none."""
    try:
        if not stat.S_ISDIR(os.lstat(workspace).st_mode):
            return False
        with os.scandir(workspace) as entries:
            return next(entries, None) is not None
    except (FileNotFoundError, PermissionError):  # what this process may not read, no container of it may
        return False


def mount_image(source: bytes, place: bytes) -> None:
    """Mount an image, an erofs file or a directory, read-only."""
    if stat.S_ISDIR(os.stat(source).st_mode):
        tree = mounts.clone_tree(source, recursive=True)
        mounts.set_attributes(tree, MountAttr.RDONLY | MountAttr.NOSUID | MountAttr.NODEV, recursive=True)
        mounts.attach_and_close(tree, place)
        return
    guard = MountFlag.RDONLY | MountFlag.NOSUID | MountFlag.NODEV
    try:
        mounts.mount(source, place, b"erofs", guard)  # straight from the file: Linux 6.12
    except OSError as error:
        if error.errno != errno.ENOTBLK:
            raise
        with loop.attached(os.fsdecode(source)) as device:
            mounts.mount(os.fsencode(device), place, b"erofs", guard)
