"""A layer of Python packages over an image's: that of a set of exact versions is made once, kept by the set's digest, and shared by all images that have it."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sandboxd.images import commands, layers, pack, requirements
from sandboxd.images.files import COMMITS, DIGEST, DIRECTORY_ROOT, EROFS_ROOT, LOCK, MANIFEST, PACKAGES
from sandboxd.images.oci.caps import Caps
from sandboxd.images.origin import inherit
from sandboxd.images.requirements import Python
from sandboxd.images.tree import Tree
from sandboxd.images.versions import Progress, shared_layers, sync

# What does not compile is left as it is.
_COMPILE = (
    "import compileall, py_compile, sys\n"
    "compileall.compile_dir(sys.argv[1], quiet=2, force=True, stripdir=sys.argv[2], prependdir='/', "
    "invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)\n"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What an image is to have beside what is below."""

    requirements: Sequence[str]
    """As ``requirements.check`` returns them."""
    python: Python
    wheelhouse: Path | None = None
    """The only directory that wheels may come from; None for an index."""
    caps: Caps = field(default_factory=Caps)
    """Of what the packages are unpacked to."""


def add(store: Path, source: Path, place: Path, wanted: Wanted, work: Path, progress: Progress) -> str:
    """Make in an empty directory the version of an image that has what the version ``source`` has, and packages; returns what names their layer.

    Works in another directory, which may have the empty one and nothing else. BuildFailed says what cannot be had.
    """
    progress(f"resolving {len(wanted.requirements)} requirements for Python {wanted.python.version}")
    locked = requirements.lock(wanted.requirements, wanted.python, work, wanted.wheelhouse)
    found = requirements.names(locked)
    progress(f"{len(found)} packages: {' '.join(found)}")
    build = _Build(source, wanted, locked, work, place, progress)
    digest = build.layer(store) if (source / EROFS_ROOT).is_file() else build.directory()
    (place / DIGEST).write_text(digest + "\n")
    (place / LOCK).write_text(locked)
    shutil.copyfile(source / MANIFEST, place / MANIFEST)
    inherit(source, place)
    if (source / COMMITS).exists():
        shutil.copyfile(source / COMMITS, place / COMMITS)
    below = (source / PACKAGES).read_text("utf-8") if (source / PACKAGES).exists() else ""
    (place / PACKAGES).write_text(below + "".join(f"{package}\n" for package in found), "utf-8")
    return build.key


@dataclass(frozen=True, slots=True)
class _Build:
    """One that is under way."""

    source: Path
    wanted: Wanted
    locked: str
    work: Path
    place: Path
    progress: Progress

    @property
    def key(self) -> str:
        """What names the layer: digits of the digest of the locked set."""
        return requirements.key(self.locked, self.wanted.python).removeprefix("sha256:")

    def layer(self, store: Path) -> str:
        """Put the layer of the locked set into the version: one that is there already, or made now. Returns the version's digest."""
        layers.put_below(self.source, self.place)
        shared = shared_layers(store) / self.key
        if (shared / DIGEST).exists():
            self.progress("their layer is there already")
        else:
            self._make_layer().rename(shared)
        layers.link_own(shared / EROFS_ROOT, self.place)
        return layers.add(self.place, (shared / DIGEST).read_text().strip())

    def _make_layer(self) -> Path:
        tree = self._unpack()
        self.progress("writing the erofs file")
        made = self.work / "layer"
        made.mkdir(mode=0o755)
        (made / DIGEST).write_text(pack.pack_erofs(tree, made) + "\n")
        sync(made)
        return made

    def directory(self) -> str:
        """The same where an image is one directory: a copy of it, with the packages in it."""
        tree = self._unpack()
        self.progress("copying the image")
        whole = self.work / "whole"
        commands.run(["cp", "--archive", str(self.source / DIRECTORY_ROOT), str(whole)])
        commands.run(["cp", "--archive", f"{tree.root}/.", str(whole)])
        return pack.pack_directory(Tree(whole), self.place)

    def _unpack(self) -> Tree:
        self.progress("unpacking wheels")
        root = self.work / "root"
        root.mkdir(mode=0o755)
        wanted = self.wanted
        requirements.install(self.locked, wanted.python, root, self.work, wanted.wheelhouse, wanted.caps)
        self._compile(root)
        tree = Tree(root)
        tree.strip_privileges()
        return tree

    def _compile(self, root: Path) -> None:
        """Compile the modules by this server's own interpreter, where it is of the image's version: nothing of an image is run here."""
        python, own = self.wanted.python, ".".join(map(str, sys.version_info[:2]))
        if python.version != own:
            self.progress(f"not compiled: this server's Python is {own}")
            return
        self.progress("compiling")
        packages = root / python.packages.lstrip("/")
        commands.run(commands.contained([sys.executable, "-I", "-S", "-c", _COMPILE, str(packages), str(root)]))
