"""Putting a layer's entries into a tree, so that nothing outside the tree is read, written or linked to.

The last name of a path is never followed. Links above it lead where they would lead a program for which the tree is the
root: images are made so, with entries below Debian's /lib, which is one. Nobody else may change the tree meanwhile.
"""

from __future__ import annotations

import errno
import os
import shutil
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from sandboxd.errors import HostUnfit, InvalidImage
from sandboxd.images.oci import names
from sandboxd.images.oci.caps import Budget
from sandboxd.images.oci.names import Whiteout, show
from sandboxd.images.oci.tarstream import Entry, Kind
from sandboxd.linux.files import NEW_FILE, open_beneath, open_in_root

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY
_ID_MAX, _NOBODY = 65535, 65534
_MODE = 0o1777
_TARGET_BYTES = 4095
_TIME_MAX = 2**32 - 1
# What an archive can bring about. All else, such as a full disk, is the host's.
_OF_THE_ARCHIVE = (
    errno.ENOENT,
    errno.ENOTDIR,
    errno.EISDIR,
    errno.ELOOP,
    errno.ENAMETOOLONG,
    errno.EMLINK,
    errno.EXDEV,
)
_NOT_THERE = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP)


@dataclass(slots=True)
class Omissions:
    """What of an image is not in the tree."""

    special_files: int = 0
    """Devices and FIFOs, left out: a container has its own."""
    privileges: int = 0
    """Files whose setuid or setgid bit or capabilities were taken off."""
    owners: int = 0
    """Files of ids above 65535, which no container has: they are nobody's, as a program would see them anyway."""


class Placer:
    """A tree that layers are put into. Close it."""

    def __init__(self, root: Path, budget: Budget, *, keep_owners: bool, upper: Path | None = None) -> None:
        """Without ``keep_owners`` all is this process's user's, who can read and enter all of it.

        Where the tree is an overlay, ``upper`` is the directory that has what is put into it; a file that is linked to from there
        is copied by the kernel, which is paid for.
        """
        self._root = os.open(root, _DIRECTORY | os.O_CLOEXEC)
        os.fchmod(self._root, 0o755)  # whatever the umask is, and whatever an entry says
        self._where = os.path.realpath(os.fsencode(root))
        self._caps, self._keep_owners = budget.caps, keep_owners
        self._budget, self._upper = budget, upper
        self.omissions = Omissions()

    def close(self) -> None:
        """Give the tree back."""
        os.close(self._root)

    def take_away(self, whiteout: Whiteout) -> None:
        """Remove what a whiteout hides; nothing is fine.

        A path that leads over a link names nothing in the layers below: the layer has a directory of its own there.
        """
        directory, _, name = whiteout.path.rpartition(b"/")
        try:
            if whiteout.is_opaque:
                with self._opened(whiteout.path, follow=False) as emptied:
                    for below in os.listdir(emptied):
                        _remove(emptied, os.fsencode(below))
            else:
                with self._opened(directory, follow=False) as above:
                    _remove(above, name)
        except OSError as error:
            if error.errno not in _NOT_THERE:
                raise

    def put(self, path: bytes, entry: Entry, chunks: Iterable[bytes]) -> None:
        """Make what an entry says at a clean path, instead of what is there. InvalidImage where that cannot be."""
        if not path:
            if entry.kind is not Kind.DIRECTORY:
                raise InvalidImage(f"entry {show(entry.name)}: would replace the root itself")
            return
        if entry.kind is Kind.SPECIAL:
            self.omissions.special_files += 1
            return
        directory, _, name = path.rpartition(b"/")
        try:
            with self._opened(directory, make=True) as above:
                self._make(above, name, entry, chunks)
        except OSError as error:
            if error.errno not in _OF_THE_ARCHIVE:
                raise
            raise InvalidImage(f"entry {show(path)}: {os.strerror(error.errno)}") from error

    def _make(self, above: int, name: bytes, entry: Entry, chunks: Iterable[bytes]) -> None:
        match entry.kind:
            case Kind.DIRECTORY:
                self._make_directory(above, name)
            case Kind.FILE:
                _remove(above, name)
                _write(above, name, chunks)
            case Kind.SYMLINK:
                _check_target(entry)
                _remove(above, name)
                os.symlink(entry.target, name, dir_fd=above)
            case Kind.HARD_LINK:
                self._link(above, name, entry)
                return  # owner and mode are the file's
        self._describe(above, name, entry)

    def _make_directory(self, above: int, name: bytes) -> None:
        status = _status(above, name)
        if status is not None and stat.S_ISDIR(status.st_mode):
            return
        _remove(above, name)
        os.mkdir(name, 0o755, dir_fd=above)

    def _link(self, above: int, name: bytes, entry: Entry) -> None:
        """Make another name of a file that is in the tree."""
        target = names.clean(entry.target, self._caps, f"hard link {show(entry.name)}: target")
        directory, _, file = target.rpartition(b"/")
        with self._opened(directory) as other:
            status = _status(other, file) if file else None
            if status is None or not stat.S_ISREG(status.st_mode):
                what = "is not there" if status is None else "is no regular file"
                raise InvalidImage(f"hard link {show(entry.name)}: its target {show(entry.target)} {what}")
            present = _status(above, name)
            if present is not None and os.path.samestat(present, status):
                return
            if self._upper is not None and not os.path.lexists(self._upper_path(self._upper, other, file)):
                self._budget.take_bytes(status.st_size)
            _remove(above, name)
            os.link(file, name, src_dir_fd=other, dst_dir_fd=above, follow_symlinks=False)

    def _upper_path(self, upper: Path, directory: int, name: bytes) -> bytes:
        """Return where a file that is put into the tree would be in the upper directory."""
        return os.path.join(os.fsencode(upper), self._relative(directory), name)

    def _relative(self, directory: int) -> bytes:
        """Return where a directory of the tree really is, relative to the root."""
        return os.readlink(b"/proc/self/fd/%d" % directory).removeprefix(self._where).lstrip(b"/")

    def _describe(self, above: int, name: bytes, entry: Entry) -> None:
        """Give what was made its owner, mode and time. The owner first: changing it takes bits off the mode."""
        if self._keep_owners:
            self._give(above, name, entry)
        if entry.kind is not Kind.SYMLINK:
            if entry.has_capabilities or (entry.mode & (stat.S_ISUID | stat.S_ISGID) and entry.kind is Kind.FILE):
                self.omissions.privileges += 1
            own = (
                0
                if self._keep_owners
                else stat.S_IRWXU
                if entry.kind is Kind.DIRECTORY
                else stat.S_IRUSR | stat.S_IWUSR
            )
            os.chmod(name, (entry.mode & _MODE) | own, dir_fd=above)
        time_ns = min(max(entry.mtime, 0), _TIME_MAX) * 1_000_000_000
        os.utime(name, ns=(time_ns, time_ns), dir_fd=above, follow_symlinks=False)

    def _give(self, above: int, name: bytes, entry: Entry) -> None:
        if max(entry.uid, entry.gid) > _ID_MAX:
            self.omissions.owners += 1
        uid, gid = (number if number <= _ID_MAX else _NOBODY for number in (entry.uid, entry.gid))
        try:
            os.chown(name, uid, gid, dir_fd=above, follow_symlinks=False)
        except OSError as error:
            if error.errno != errno.EINVAL:
                raise
            raise HostUnfit(
                f"entry {show(entry.name)} is of user {uid} and group {gid}, and you have not so many subordinate ids: "
                "see /etc/subuid and docs/operations.md"
            ) from error

    @contextmanager
    def _opened(self, directory: bytes, *, follow: bool = True, make: bool = False) -> Iterator[int]:
        descriptor = self._open(directory, follow=follow, make=make)
        try:
            yield descriptor
        finally:
            os.close(descriptor)

    def _open(self, directory: bytes, *, follow: bool, make: bool) -> int:
        try:
            return open_beneath(self._root, directory or b".", _DIRECTORY)
        except FileNotFoundError:
            if not make:
                raise
        except OSError as error:
            if error.errno != errno.ELOOP or not follow:
                raise
            return self._open_over_links(directory, make=make)
        return self._make_missing(directory)

    def _open_over_links(self, directory: bytes, *, make: bool) -> int:
        try:
            descriptor = open_in_root(self._root, directory, _DIRECTORY)
        except FileNotFoundError:
            if not make:
                raise
            return self._make_missing(directory)
        # Over links a path can lead deeper than it looks, and a next one deeper still.
        try:
            names.clean(self._relative(descriptor) or b".", self._caps, "directory")
        except InvalidImage:
            os.close(descriptor)
            raise
        return descriptor

    def _make_missing(self, directory: bytes) -> int:
        """Make a directory that no entry has, and those above it."""
        names_above = directory.split(b"/")
        try:
            for depth, name in enumerate(names_above):
                with self._opened(b"/".join(names_above[:depth])) as above:
                    _make_plain_directory(above, name)
            return self._open(directory, follow=True, make=False)
        except FileNotFoundError:
            raise InvalidImage(f"directory {show(directory)}: a link to nothing is in its place") from None


def _make_plain_directory(above: int, name: bytes) -> None:
    """Make a directory that everybody may enter, unless something has its name."""
    with suppress(FileExistsError):
        os.mkdir(name, dir_fd=above)
        os.chmod(name, 0o755, dir_fd=above)  # noqa: S103  (whatever the umask is)


def _write(above: int, name: bytes, chunks: Iterable[bytes]) -> None:
    with open(os.open(name, NEW_FILE, 0o600, dir_fd=above), "wb", buffering=0) as file:
        for chunk in chunks:
            view = memoryview(chunk)
            while view:
                view = view[file.write(view) :]


def _remove(above: int, name: bytes) -> None:
    """Remove what has this name, with all below it; nothing is fine."""
    status = _status(above, name)
    if status is None:
        return
    if stat.S_ISDIR(status.st_mode):
        shutil.rmtree(os.fsdecode(name), dir_fd=above)
    else:
        os.unlink(name, dir_fd=above)


def _status(above: int, name: bytes) -> os.stat_result | None:
    try:
        return os.stat(name, dir_fd=above, follow_symlinks=False)
    except FileNotFoundError:
        return None


def _check_target(entry: Entry) -> None:
    """A symbolic link may lead anywhere: nothing is written through it but inside the tree."""
    if not entry.target or b"\0" in entry.target or len(entry.target) > _TARGET_BYTES:
        raise InvalidImage(f"symbolic link {show(entry.name)}: its target is empty, has a NUL or is too long")
