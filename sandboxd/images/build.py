"""Build an image from a recipe: ``python -m sandboxd.images.build images/default [--store DIR]``."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from sandboxd.config import ROOTS_STATE_DIR, default_state_dir
from sandboxd.errors import HostUnfit, InvalidConfiguration, SandboxError
from sandboxd.images import commands, debian, flatten, interpreter, layers, pack, skeleton, wheels
from sandboxd.images.files import DIGEST, DIRECTORY_ROOT, EROFS_ROOT, INGREDIENTS, LOCK, MANIFEST, PACKAGES
from sandboxd.images.recipe import Ingredients, Recipe, load_recipe
from sandboxd.images.stacked import subtract_layers
from sandboxd.images.store import Image, ImageStore, has_root
from sandboxd.images.tree import Tree
from sandboxd.images.versions import Progress, install, work_directory, writing
from sandboxd.linux import rootless, user_namespace

# In each version, for later builds: the recipe's digests, and the packages for people.
_RECIPE, _ROOT_RECIPE = "recipe", "root.recipe"

RootMaker = Callable[[Recipe, Path, Path, Progress], None]
"""Makes a root: works in the first directory, leaves root, digest and list of packages in the second."""


def make_root(recipe: Recipe, work: Path, place: Path, progress: Progress) -> None:
    """Make a recipe's root: ``make_root_of``."""
    make_root_of(recipe.ingredients, work, place, progress)


def make_root_of(ingredients: Ingredients, work: Path, place: Path, progress: Progress) -> None:
    """Make a root out of Debian packages, less what is below it in its place. HostUnfit where files can have no other owner than this user."""
    if not user_namespace.has_several_ids():
        raise HostUnfit(
            "building an image takes root, or subordinate ids: see /etc/subuid and docs/operations.md; "
            "one that root has built is unpacked"
        )
    commands.require(["mmdebstrap", "setpriv", "unshare"])
    progress(f"unpacking packages of Debian {ingredients.debian.suite}")
    packages = debian.unpack(ingredients.debian, work / "root", work)
    progress(f"finishing the root of {len(packages)} packages")
    tree = Tree(work / "root")
    skeleton.finish(tree, ingredients.steps)
    digest = _pack(tree, work, place, progress)
    (place / DIGEST).write_text(digest + "\n")
    (place / PACKAGES).write_text("".join(f"{package}\n" for package in packages))
    progress(digest)


def _pack(tree: Tree, work: Path, place: Path, progress: Progress) -> str:
    """Put a finished root into a version, as a layer over those that are below, and return the version's digest."""
    if obstacle := pack.why_not_erofs():
        progress(f"keeping a plain directory: {obstacle}")
        layers.forget(place)
        return pack.pack_directory(tree, place)
    if below := layers.below(place):
        progress(f"taking out what {len(below)} layers below have")
        subtract_layers(tree.root, work, below)
    progress("writing the erofs file")
    return layers.add(place, pack.pack_erofs(tree, place))


def build(
    recipe_dir: Path,
    store: Path,
    progress: Progress = lambda _line: None,
    *,
    force: bool = False,
    maker: RootMaker = make_root,
    wheelhouse: Path | None = None,
) -> Image:
    """Build the image unless the store has it from this very recipe; ``force`` builds anyway, for newer packages.

    ``wheelhouse`` is the only directory that wheels may come from; None for an index.
    """
    recipe = load_recipe(recipe_dir)
    base = None
    if recipe.base is not None:
        base = build(
            recipe_dir.resolve().parent / recipe.base.name, store, progress, maker=maker
        )  # which has no wheels
    if force or not _is_built(recipe, store):
        with writing(store, progress), work_directory(store) as work:
            if force or not _is_built(recipe, store):  # another build may just have done it
                place = work / "version"
                place.mkdir(mode=0o755)
                if force or not (_reuse_root(recipe, store, place) or _unpack_root(recipe, work, place, progress)):
                    if base is not None and base.is_erofs:
                        layers.put_below(base.directory, place)
                    maker(recipe, work, place, progress)
                (place / MANIFEST).write_bytes(recipe.manifest)
                if recipe.requirements:
                    place = _with_packages(recipe, store, work, progress, wheelhouse)
                _describe(recipe, place)
                install(store, recipe.name, place)
    image = ImageStore(store).get(recipe.name)
    if image is None:
        raise SandboxError(f"{store / recipe.name} vanished")
    return image


def _with_packages(recipe: Recipe, store: Path, work: Path, progress: Progress, wheelhouse: Path | None) -> Path:
    """Return a version with the Python packages of a recipe over the one that is made."""
    source, place, own = work / "version", work / "with-packages", work / "packages"
    for directory in (place, own, own / "asking"):
        directory.mkdir(mode=0o755)
    root = (
        [*layers.below(source), source / EROFS_ROOT] if (source / EROFS_ROOT).is_file() else [source / DIRECTORY_ROOT]
    )
    python = interpreter.ask(recipe.python, root, own / "asking")
    wanted = wheels.Wanted(requirements=recipe.requirements, python=python, wheelhouse=wheelhouse)
    wheels.add(store, source, place, wanted, own, progress)
    return place


def _describe(recipe: Recipe, place: Path) -> None:
    """Complete a version that is made. What has Python packages says nothing of Debian's: it cannot be made anew of those alone."""
    if not recipe.requirements:
        (place / INGREDIENTS).write_bytes(msgspec.json.encode(recipe.ingredients))
    (place / _ROOT_RECIPE).write_text(recipe.root_digest + "\n")
    (place / _RECIPE).write_text(recipe.digest + "\n")


def _is_built(recipe: Recipe, store: Path) -> bool:
    present = store / recipe.name
    # Ingredients were not kept at first.
    whole = has_root(present) and any((present / name).is_file() for name in (INGREDIENTS, LOCK))
    return whole and _read_line(present / _RECIPE) == recipe.digest


def _reuse_root(recipe: Recipe, store: Path, place: Path) -> bool:
    """Take the root of the present version if only the manifest changed. A directory cannot be shared that way."""
    present = store / recipe.name
    if _read_line(present / _ROOT_RECIPE) != recipe.root_digest or not (present / EROFS_ROOT).is_file():
        return False
    if (present / LOCK).exists():
        return False  # its own layer is of packages
    for name in (EROFS_ROOT, DIGEST, PACKAGES):
        os.link(present / name, place / name)
    layers.share(present, place)
    return True


def _unpack_root(recipe: Recipe, work: Path, place: Path, progress: Progress) -> bool:
    """Unpack the root that the host's root has made of this very recipe, if there is one, for a user who cannot mount it."""
    present = ROOTS_STATE_DIR / "images" / recipe.name
    if user_namespace.is_initial() or _read_line(present / _ROOT_RECIPE) != recipe.root_digest:
        return False
    if not (present / EROFS_ROOT).is_file() or not commands.available(flatten.EXTRACTOR):
        return False
    packages = (present / PACKAGES).read_text("utf-8").splitlines()
    files = [*layers.below(present), present / EROFS_ROOT]
    if (present / LOCK).exists():  # its own layer is of Python packages, which come later
        files.pop()
        packages = [package for package in packages if package.endswith(".deb")]
    progress(f"unpacking {', '.join(map(str, files))}")
    flatten.flatten(files, work / "root", work, keep_owners=user_namespace.has_several_ids())
    (place / DIGEST).write_text(pack.pack_directory(Tree(work / "root"), place) + "\n")
    (place / PACKAGES).write_text("".join(f"{package}\n" for package in packages), "utf-8")
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
    parser.add_argument(
        "--wheelhouse",
        type=Path,
        metavar="DIR",
        help="the only directory that wheels may come from (default: an index)",
    )
    options = parser.parse_args(arguments)
    name, started = options.recipe.resolve().name, time.monotonic()

    def report(line: str) -> None:
        print(f"image {name}: [{time.monotonic() - started:5.1f} s] {line}", file=sys.stderr, flush=True)

    store = options.store or default_state_dir() / "images"
    try:
        if os.geteuid() != 0:
            rootless.enter()
        build(options.recipe, store, report, force=options.force, wheelhouse=options.wheelhouse)
    except (SandboxError, OSError) as error:
        report(f"error: {error}")
        return 2 if isinstance(error, InvalidConfiguration) else 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
