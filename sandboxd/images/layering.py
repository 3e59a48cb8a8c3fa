"""Layers of an image from elsewhere as erofs files: what each changes in the tree of those below it.

    python -m sandboxd.images.layering ORDER

An archive goes into an overlay over what is below, by the hands that put one into any tree; so links, whiteouts and modes come out
as in one tree, and what the kernel then has in the upper directory is the layer. A directory there that hides what is below is
made one with whiteouts: then no extended attribute has to be kept. What is mounted goes with the process (``errand``).
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Self

import msgspec

from sandboxd.errors import HostUnfit, InvalidImage, SandboxError
from sandboxd.images import commands, errand, pack, skeleton, stacked
from sandboxd.images.blobs import Blobs
from sandboxd.images.files import DIGEST, EROFS_ROOT
from sandboxd.images.oci import layers
from sandboxd.images.oci.caps import Budget, Caps
from sandboxd.images.oci.layers import Layer
from sandboxd.images.oci.placing import Omissions, Placer
from sandboxd.images.subtract import drop_same, hide
from sandboxd.images.tree import Tree
from sandboxd.images.versions import Progress
from sandboxd.linux import mounts, overlay
from sandboxd.linux.mounts import MountFlag

PART = "part.json"
_GUARD = MountFlag.NOSUID | MountFlag.NODEV | MountFlag.NOEXEC
# Volatile, for what is in the upper directory need not outlast a crash: the file that is packed of it is written to the disk.
_OPTIONS = "userxattr,volatile,index=off,xino=off,metacopy=off"


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """What one layer of the image store was made of, in the file :data:`PART` beside it."""

    total_bytes: int
    entries: int
    omissions: Omissions


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """What layers to make."""

    store: str
    work: str
    """An empty directory; a layer is left in one of its own there, named by its number."""
    below: tuple[str, ...]
    """Layers of the image store that are there already, the lowest first."""
    groups: tuple[tuple[Layer, ...], ...]
    """Of what archives each further one is made; the last has what every image needs, too."""
    first: int
    """How many archives ``below`` has."""
    total_bytes: int
    """How much the others have spent, see :class:`Budget`."""
    entries: int
    caps: Caps


def make(order: Order, progress: Progress) -> None:
    """Make them. InvalidImage names the archive; HostUnfit where the store's file system cannot be below an overlay."""
    os.umask(0o022)
    work, budget = Path(order.work), Budget(order.caps)
    budget.take_bytes(order.total_bytes)
    budget.take_entry(order.entries)
    below = [stacked.mount_layer(Path(file), work / f"below.{index}") for index, file in enumerate(order.below)]
    number, count = order.first, order.first + sum(map(len, order.groups))
    for index, group in enumerate(order.groups):
        place = work / str(index)
        place.mkdir(mode=0o755)
        before = budget.spent
        with Making(place, below) as making, closing(making.placer(budget)) as placer:
            for layer in group:
                number += 1
                progress(f"unpacking layer {number} of {count}")
                with layers.naming(number, count):
                    layers.apply(Blobs(Path(order.store)), layer, placer, budget)
            if index == len(order.groups) - 1:
                finish(Tree(making.tree))
        spent = [now - then for now, then in zip(budget.spent, before, strict=True)]
        part = Part(total_bytes=spent[0], entries=spent[1], omissions=placer.omissions)
        (place / PART).write_bytes(msgspec.json.encode(part))
        if file := making.packed(progress):
            below.append(stacked.mount_layer(file, work / f"made.{index}"))


def finish(tree: Tree) -> None:
    """Give a root what every image has. InvalidImage where it has no room for it."""
    try:
        skeleton.adopt(tree)
    except (FileExistsError, NotADirectoryError) as error:
        raise InvalidImage(f"its root: {error.strerror}: /{Path(error.filename).relative_to(tree.root)}") from error
    except SandboxError as error:  # a directory such as /etc is a link
        raise InvalidImage(f"its root: {error}") from error


class Making:
    """One layer, while it is made: a tree over those below, for the time of the block."""

    def __init__(self, place: Path, below: Sequence[Path]) -> None:
        self._place, self._below = place, list(below)
        self._upper = place / "upper"
        self.tree = place / "tree" if below else self._upper

    def __enter__(self) -> Self:
        self._upper.mkdir(mode=0o755)
        if self._below:
            for directory in (self.tree, self._place / "work"):
                directory.mkdir(mode=0o755)
            self._check_attributes()
            self._mount(self.tree, f"upperdir=upper,workdir=work,{_OPTIONS}")
        return self

    def __exit__(self, *_: object) -> None:
        if self._below:
            mounts.unmount(os.fsencode(self.tree))

    def placer(self, budget: Budget) -> Placer:
        """Return what puts archives into the tree. Close it before the block ends."""
        return Placer(self.tree, budget, keep_owners=True, upper=self._upper if self._below else None)

    def packed(self, progress: Progress) -> Path | None:
        """Make an erofs file of what the tree has and those below have not; None where that is nothing."""
        if self._below:
            self._close_off()
        tree = Tree(self._upper)
        file = None
        if os.listdir(tree.root):
            tree.set_times()
            progress("writing the erofs file")
            (self._place / DIGEST).write_text(pack.pack_erofs(tree, self._place, keep_times=True) + "\n")
            file = self._place / EROFS_ROOT
        commands.run(["rm", "-rf", "--", *(str(self._place / name) for name in ("upper", "work", "tree"))])
        return file

    def _check_attributes(self) -> None:
        """Without them an overlay can be mounted, and no directory replaces another: tmpfs before Linux 6.6."""
        try:
            os.setxattr(self._upper, overlay.OPAQUE, b"n")
            os.removexattr(self._upper, overlay.OPAQUE)
        except OSError as error:
            raise HostUnfit(f"{self._place.parent} has no extended attributes: {error.strerror}") from error

    def _close_off(self) -> None:
        """Have whiteouts hide what opaque directories hide."""
        merged = self._below[0]
        if len(self._below) > 1:
            merged = self._place / "merged"
            merged.mkdir()
            self._mount(merged, "userxattr")
        hide(self._upper, merged)
        drop_same(self._upper, merged)
        if len(self._below) > 1:
            mounts.unmount(os.fsencode(merged))
            merged.rmdir()

    def _mount(self, place: Path, options: str) -> None:
        """Mount an overlay of all that is below. By short names: there is a page for all of them, and a colon would part one."""
        lower = ":".join(f"../{path.name}" for path in reversed(self._below))
        os.chdir(self._place)
        try:
            mounts.mount(b"overlay", os.fsencode(place), b"overlay", _GUARD, f"lowerdir={lower},{options}".encode())
        except OSError as error:
            raise HostUnfit(f"no overlay can be mounted over {self._place.parent}: {error.strerror}") from error
        finally:
            os.chdir("/")


def obey(order: dict[str, Any], progress: Progress) -> None:
    """Do what the order says."""
    make(msgspec.convert(order, Order), progress)


if __name__ == "__main__":
    errand.obey(obey)
