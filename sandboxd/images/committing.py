"""Images of what a container changed: those of the image that it ran in, and one more layer. How each came to be is kept beside it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec
from msgspec.structs import replace

from sandboxd.errors import BuildFailed, InvalidConfiguration
from sandboxd.images import layers, pack, packed
from sandboxd.images.contents import WORKSPACE, Known, hidden
from sandboxd.images.files import COMMITS, DIGEST, LOCK, MANIFEST, PACKAGES
from sandboxd.images.merging import merge
from sandboxd.images.origin import inherit
from sandboxd.images.skeleton import SANDBOX_ID
from sandboxd.images.store import Image
from sandboxd.images.toml import readable
from sandboxd.images.tree import Tree
from sandboxd.images.versions import install, work_directory, writing
from sandboxd.linux import overlay
from sandboxd.model import MOST_LAYERS


class Commit(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How one layer came to be."""

    layer: int
    """Its number in the image, of which the lowest has 0; of several that were merged, that of all."""
    created: str
    """When, as RFC 3339 has it."""
    execution_id: str
    image: str
    """What the container's image was called."""
    image_digest: str
    policy: str
    """Name of the policy that permitted it."""
    message: str = ""
    author: str = ""
    left_out: Mapping[str, int] = {}
    """How many files are not in it, or not as they were, by reason."""


def check_base(image: Image) -> None:
    """Raise BuildFailed where a layer cannot be put over an image's."""
    if not image.is_erofs:
        raise BuildFailed(
            f"image {image.name!r} is a plain directory, as ordinary users have: only erofs files can have one more layer"
        )
    if len(image.layers) >= MOST_LAYERS and _kept(image) == len(image.layers):
        raise BuildFailed(
            f"image {image.name!r} has {len(image.layers)} layers, which is as many as there may be, and the topmost is no commit to be merged with"
        )


def make_tree(work: Path) -> Path:
    """Make the tree of a layer in an empty directory, and return where the workspace's files belong."""
    workspace = work / "tree" / WORKSPACE
    workspace.mkdir(parents=True)
    for directory in (workspace.parent, workspace):
        directory.chmod(0o755)  # whatever the umask is
    os.chown(workspace, SANDBOX_ID, SANDBOX_ID)
    return workspace


def spell_out(workspace: Path, hiding: Sequence[str], known: Mapping[str, Known]) -> None:
    """White out, one by one, what directories hide that the image has below them: a layer says it so, here and in OCI's archives."""

    def mode_of(path: str) -> int | None:
        try:
            return os.lstat(workspace / path).st_mode
        except (FileNotFoundError, NotADirectoryError):
            return None

    for path in hidden(hiding, known, mode_of):
        overlay.put_whiteout(workspace / path)


def commit(store: Path, name: str, base: Image, work: Path, provenance: Commit) -> str:
    """Make an image of another's layers and the tree in a work directory, and have a name mean it; returns its digest.

    The base's lease must be held. BuildFailed where that cannot be; nothing has changed then.
    """
    check_base(base)
    version, tree, kept = work / "version", work / "tree", _kept(base)
    version.mkdir(mode=0o755)
    version.chmod(0o755)
    if kept < len(base.layers):
        (work / "merging").mkdir()
        merge(tree, work / "merged", work / "merging", kept, base.layers)
        tree = work / "merged"
    layers.put_first_below(base.directory, version, kept)
    if came := packed.came_as(base.directory)[:kept]:
        packed.write_came_as(version, came)
    inherit(base.directory, version)
    digest = layers.add(version, pack.pack_erofs(Tree(tree), version, keep_times=True))
    (version / DIGEST).write_text(digest + "\n")
    shutil.copyfile(base.directory / MANIFEST, version / MANIFEST)
    for file in (PACKAGES, LOCK):
        if (base.directory / file).exists():
            shutil.copyfile(base.directory / file, version / file)
    commits = [replace(commit, layer=min(commit.layer, kept)) for commit in (*read_commits(base.directory), provenance)]
    (version / COMMITS).write_bytes(msgspec.json.format(msgspec.json.encode(commits), indent=2) + b"\n")
    with writing(store, lambda _line: None), work_directory(store) as own:
        install(store, name, version.rename(own / "version"))
    return digest


def _kept(image: Image) -> int:
    """Return how many of an image's layers one more is put over: where there may be no more, all but the commits on top, which become one with it."""
    kept = len(image.layers)
    if kept < MOST_LAYERS:
        return kept
    committed = {commit.layer for commit in read_commits(image.directory)}
    while kept - 1 in committed:
        kept -= 1
    return kept


def read_commits(place: Path) -> tuple[Commit, ...]:
    """Read how the layers of the image in a directory came to be, the lowest first, of those that are commits. InvalidConfiguration if it is damaged."""
    path = place / COMMITS
    try:
        return msgspec.json.decode(path.read_bytes(), type=tuple[Commit, ...])
    except FileNotFoundError:
        return ()
    except (OSError, msgspec.MsgspecError, ValueError) as error:
        raise InvalidConfiguration(f"{path}: {readable(str(error))}") from error
