"""Build an image from a recipe: ``python -m sandboxd.images.build images/default [--store DIR]``."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path

from sandboxd.config import ROOTS_STATE_DIR, default_state_dir
from sandboxd.errors import HostUnfit, InvalidConfiguration, SandboxError
from sandboxd.images import commands, debian, pack, skeleton
from sandboxd.images.recipe import Recipe, load_recipe
from sandboxd.images.store import DIGEST, EROFS_ROOT, MANIFEST, Image, ImageStore, has_root
from sandboxd.images.tree import Tree
from sandboxd.images.versions import Progress, install, work_directory, writing
from sandboxd.linux import user_namespace

# In each version, for later builds: the recipe's digests, and the packages for people.
_RECIPE, _ROOT_RECIPE, _PACKAGES = "recipe", "root.recipe", "packages.txt"

RootMaker = Callable[[Recipe, Path, Path, Progress], None]
"""Makes a root: works in the first directory, leaves root, digest and list of packages in the second."""


def make_root(recipe: Recipe, work: Path, place: Path, progress: Progress) -> None:
    """Make a root out of Debian packages. HostUnfit where files can have no other owner than this user."""
    if not user_namespace.has_several_ids():
        raise HostUnfit(
            "building an image takes root, or subordinate ids: see /etc/subuid and docs/operations.md; "
            "one that root has built is unpacked"
        )
    commands.require(["mmdebstrap", "setpriv", "unshare"])
    progress(f"unpacking packages of Debian {recipe.debian.suite}")
    packages = debian.unpack(recipe.debian, work / "root", work)
    progress(f"finishing the root of {len(packages)} packages")
    tree = Tree(work / "root")
    skeleton.finish(tree, recipe.steps)
    obstacle = pack.why_not_erofs()
    progress("writing the erofs file" if obstacle is None else f"keeping a plain directory: {obstacle}")
    digest = pack.pack_erofs(tree, place) if obstacle is None else pack.pack_directory(tree, place)
    (place / DIGEST).write_text(digest + "\n")
    (place / _PACKAGES).write_text("".join(f"{package}\n" for package in packages))
    progress(digest)


def build(
    recipe_dir: Path,
    store: Path,
    progress: Progress = lambda _line: None,
    *,
    force: bool = False,
    maker: RootMaker = make_root,
) -> Image:
    """Build the image unless the store has it from this very recipe; ``force`` builds anyway, for newer packages."""
    recipe = load_recipe(recipe_dir)
    if force or not _is_built(recipe, store):
        with writing(store, progress), work_directory(store) as work:
            if force or not _is_built(recipe, store):  # another build may just have done it
                place = work / "version"
                place.mkdir(mode=0o755)
                if force or not (_reuse_root(recipe, store, place) or _unpack_root(recipe, work, place, progress)):
                    maker(recipe, work, place, progress)
                _describe(recipe, place)
                install(store, recipe.name, place)
    image = ImageStore(store).get(recipe.name)
    if image is None:
        raise SandboxError(f"{store / recipe.name} vanished")
    return image


def _describe(recipe: Recipe, place: Path) -> None:
    """Complete a version whose root is made."""
    (place / MANIFEST).write_bytes(recipe.manifest)
    (place / _ROOT_RECIPE).write_text(recipe.root_digest + "\n")
    (place / _RECIPE).write_text(recipe.digest + "\n")


def _is_built(recipe: Recipe, store: Path) -> bool:
    present = store / recipe.name
    return has_root(present) and _read_line(present / _RECIPE) == recipe.digest


def _reuse_root(recipe: Recipe, store: Path, place: Path) -> bool:
    """Take the root of the present version if only the manifest changed. A directory cannot be shared that way."""
    present = store / recipe.name
    if _read_line(present / _ROOT_RECIPE) != recipe.root_digest or not (present / EROFS_ROOT).is_file():
        return False
    for name in (EROFS_ROOT, DIGEST, _PACKAGES):
        os.link(present / name, place / name)
    return True


def _unpack_root(recipe: Recipe, work: Path, place: Path, progress: Progress) -> bool:
    """Unpack the root that the host's root has made of this very recipe, if there is one, for a user who cannot mount it."""
    present = ROOTS_STATE_DIR / "images" / recipe.name
    if user_namespace.is_initial() or _read_line(present / _ROOT_RECIPE) != recipe.root_digest:
        return False
    if not (present / EROFS_ROOT).is_file() or not commands.available("fsck.erofs"):
        return False
    progress(f"unpacking {present / EROFS_ROOT}")
    owners = "--preserve-owner" if user_namespace.has_several_ids() else "--no-preserve-owner"
    commands.run(
        ["fsck.erofs", f"--extract={work / 'root'}", "--preserve-perms", owners, str((present / EROFS_ROOT).resolve())]
    )
    (place / DIGEST).write_text(pack.pack_directory(Tree(work / "root"), place) + "\n")
    shutil.copy(present / _PACKAGES, place / _PACKAGES)
    return True


def _read_line(path: Path) -> str | None:
    try:
        return path.read_text("utf-8").strip()
    except (OSError, ValueError):
        return None


def main(arguments: list[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m sandboxd.images.build", description="Build an image of a recipe.")
    parser.add_argument("recipe", type=Path, help="directory of recipe.toml and manifest.toml, such as images/default")
    parser.add_argument(
        "--store", type=Path, metavar="DIR", help="image store (default: where this user's server looks)"
    )
    parser.add_argument("--force", action="store_true", help="build even if up to date, for newer packages")
    options = parser.parse_args(arguments)
    name, started = options.recipe.resolve().name, time.monotonic()

    def report(line: str) -> None:
        print(f"image {name}: [{time.monotonic() - started:5.1f} s] {line}", file=sys.stderr, flush=True)

    store = options.store or default_state_dir() / "images"
    try:
        if os.geteuid() != 0:
            user_namespace.enter()
        build(options.recipe, store, report, force=options.force)
    except (SandboxError, OSError) as error:
        report(f"error: {error}")
        return 2 if isinstance(error, InvalidConfiguration) else 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
