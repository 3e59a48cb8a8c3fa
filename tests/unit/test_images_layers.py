"""Images on images: what a recipe takes from another, what is left of a root, and where layers are kept."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from sandboxd.errors import InvalidConfiguration
from sandboxd.images import layers
from sandboxd.images.build import build
from sandboxd.images.recipe import Recipe, load_recipe
from sandboxd.images.subtract import subtract

MANIFEST = '[languages.py]\nsource = "main.py"\nextensions = [".py"]\nrun = ["python3", "{entrypoint}"]\n'
BASE = '[debian]\nsuite = "bookworm"\npackages = ["bash"]\n[root]\nremove = ["a"]\nrun = [["x"]]\n[root.links]\n"l" = "base"\n"m" = "base"\n'
TOP = 'from = "base"\n[debian]\nsuite = "bookworm"\npackages = ["perl"]\n[root]\nkeep = ["k"]\nremove = ["b"]\nrun = [["y"]]\n[root.links]\n"m" = "top"\n'


def write(recipes: Path, name: str, recipe: str) -> Path:
    directory = recipes / name
    directory.mkdir(parents=True)
    (directory / "recipe.toml").write_text(recipe)
    (directory / "manifest.toml").write_text(MANIFEST)
    return directory


@pytest.fixture
def recipes(tmp_path: Path) -> Path:
    write(tmp_path / "recipes", "base", BASE)
    write(tmp_path / "recipes", "top", TOP)
    return tmp_path / "recipes"


def test_a_root_is_made_of_what_the_recipe_and_its_base_say(recipes: Path) -> None:
    recipe = load_recipe(recipes / "top")

    assert recipe.base == load_recipe(recipes / "base")
    assert recipe.ingredients.debian.packages == ("bash", "perl")
    steps = recipe.ingredients.steps
    assert steps.keep == ("k",)
    assert (steps.remove, steps.links, steps.run) == (("a", "b"), {"l": "base", "m": "top"}, (("x",), ("y",)))


def test_another_base_is_another_recipe(recipes: Path) -> None:
    before = load_recipe(recipes / "top").root_digest

    (recipes / "base" / "recipe.toml").write_text(BASE.replace("bash", "dash"))

    assert load_recipe(recipes / "top").root_digest != before


@pytest.mark.parametrize(
    ("recipe", "complaint"),
    [
        (TOP.replace("base", "top", 1), "from: top builds on itself"),
        (TOP.replace("base", "nothing", 1), "nothing/recipe.toml"),
        (TOP.replace("base", "../base", 1), "from '../base': not the name of an image"),
        (TOP.replace("bookworm", "trixie"), "debian.suite: base is of bookworm"),
    ],
)
def test_a_base_that_cannot_be_one_is_refused(recipes: Path, recipe: str, complaint: str) -> None:
    (recipes / "top" / "recipe.toml").write_text(recipe)

    with pytest.raises(InvalidConfiguration, match=complaint):
        load_recipe(recipes / "top")


def test_there_are_at_most_eight_layers(tmp_path: Path) -> None:
    write(tmp_path, "0", BASE)
    for number in range(1, 9):
        write(tmp_path, str(number), TOP.replace("base", str(number - 1), 1))

    assert len(load_recipe(tmp_path / "7").ingredients.debian.packages) == 8
    with pytest.raises(InvalidConfiguration, match="from: 8 would have more than 8 layers"):
        load_recipe(tmp_path / "8")


class Maker:
    """Makes layers of a few bytes, each time others, as ``make_root`` does."""

    def __init__(self) -> None:
        self.made: list[tuple[str, int]] = []

    def __call__(self, recipe: Recipe, _work: Path, place: Path, _progress: Callable[[str], None]) -> None:
        self.made.append((recipe.name, len(layers.below(place))))
        (place / "root.erofs").write_text(f"root {len(self.made)}")
        (place / "packages.txt").write_text("")
        (place / "digest").write_text(layers.add(place, f"sha256:{len(self.made):064x}") + "\n")


def test_a_build_builds_the_base_and_shares_its_file(recipes: Path, tmp_path: Path) -> None:
    maker, store = Maker(), tmp_path / "store"

    top = build(recipes / "top", store, maker=maker)
    base = build(recipes / "base", store, maker=maker)

    assert maker.made == [("base", 0), ("top", 1)]
    assert [layer.read_text() for layer in top.layers] == ["root 1", "root 2"]
    assert base.layers[0].samefile(top.layers[0])
    assert (top.layers[0].parent.parent / "layers").read_text() == f"sha256:{1:064x}\nsha256:{2:064x}\n"
    assert top.digest not in (base.digest, f"sha256:{2:064x}")


def test_an_image_keeps_the_layers_that_it_was_built_on(recipes: Path, tmp_path: Path) -> None:
    maker, store = Maker(), tmp_path / "store"
    before = build(recipes / "top", store, maker=maker)
    build(recipes / "base", store, maker=maker, force=True)

    (recipes / "top" / "manifest.toml").write_text(MANIFEST.replace("languages.py", "languages.snake"))
    image = build(recipes / "top", store, maker=maker)
    build(recipes / "base", store, maker=maker, force=True)  # sweeps what no name means

    assert [layer.read_text() for layer in image.layers] == ["root 1", "root 2"]
    assert image.digest == before.digest
    assert image.language("snake")


@pytest.fixture
def trees(tmp_path: Path) -> tuple[Path, Path]:
    """Two trees of the same directories."""
    for name in ("tree", "below"):
        for directory in ("same", "more", "less"):
            (tmp_path / name / directory).mkdir(parents=True)
    return tmp_path / "tree", tmp_path / "below"


def put(place: Path, content: str, mode: int = 0o644) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(content)
    place.chmod(mode)


def listed(tree: Path) -> dict[str, str]:
    """Return what is in a tree: contents, targets of links, and ``gone`` for whiteouts."""
    found = {}
    for path in sorted(tree.rglob("*")):
        status = path.lstat()
        if stat.S_ISCHR(status.st_mode):
            found[str(path.relative_to(tree))] = "gone" if status.st_rdev == 0 else "device"
        elif path.is_symlink():
            found[str(path.relative_to(tree))] = f"-> {os.readlink(path)}"
        else:
            found[str(path.relative_to(tree))] = path.read_text() if path.is_file() else "directory"
    return found


def test_what_is_below_is_taken_out_and_the_rest_stays(trees: tuple[Path, Path]) -> None:
    tree, below = trees
    for place in trees:
        put(place / "same" / "file", "x")
        (place / "same" / "link").symlink_to("file")
    put(tree / "more" / "new", "new")
    put(tree / "more" / "changed", "after"), put(below / "more" / "changed", "befor")
    put(tree / "more" / "mode", "x", 0o755), put(below / "more" / "mode", "x", 0o644)
    (tree / "more" / "link").symlink_to("a"), (below / "more" / "link").symlink_to("b")
    put(below / "less" / "file", "x")
    put(below / "less" / "directory" / "file", "x")

    subtract(tree, below)

    assert listed(tree) == {
        "less": "directory",
        "less/directory": "gone",
        "less/file": "gone",
        "more": "directory",
        "more/changed": "after",
        "more/link": "-> a",
        "more/mode": "x",
        "more/new": "new",
    }


def test_what_has_become_something_else_stays(trees: tuple[Path, Path]) -> None:
    tree, below = trees
    put(tree / "a" / "file", "x"), put(below / "a", "x")  # a file that is a directory now
    put(tree / "b", "x"), put(below / "b" / "file", "x")  # and the reverse
    (tree / "c").symlink_to("same"), put(below / "c" / "file", "x")  # a link to a directory is none

    subtract(tree, below)

    assert listed(tree) == {"a": "directory", "a/file": "x", "b": "x", "c": "-> same"}


def test_a_directory_with_other_permissions_stays(trees: tuple[Path, Path]) -> None:
    tree, below = trees
    (tree / "same").chmod(0o700)

    subtract(tree, below)

    assert listed(tree) == {"same": "directory"}
