"""The recipes that come with sandboxd."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from sandboxd.errors import InvalidConfiguration
from sandboxd.images.manifest import expand, load_manifest
from sandboxd.images.recipe import load_recipe

RECIPES = Path(__file__).resolve().parents[2] / "images"


@pytest.mark.parametrize("directory", sorted(RECIPES.iterdir()), ids=lambda path: path.name)
def test_every_recipe_can_be_read(directory: Path) -> None:
    assert load_recipe(directory).name == directory.name


@pytest.mark.parametrize(
    ("steps", "complaint"),
    [
        ('remove = [""]', "root: '': missing"),
        ('remove = ["/etc"]', "root: '/etc': must be relative"),
        ('remove = ["a/../../b"]', "must not contain '..'"),
        ('keep = ["../var"]', "must not contain '..'"),
        ('links = { "a\\u0000" = "b" }', "contains NUL"),
        ('links = { a = "" }', "'' is not the target of a link"),
        ("run = [[]]", "() is not a command"),
        ('run = [["true", "\\u0000"]]', "is not a command"),
    ],
)
def test_a_step_that_could_not_be_done_is_named_before_anything_is(tmp_path: Path, steps: str, complaint: str) -> None:
    """Packages take a minute to unpack."""
    directory = tmp_path / "image"
    shutil.copytree(RECIPES / "default", directory)
    (directory / "recipe.toml").write_text(f'[debian]\nsuite = "bookworm"\npackages = []\n[root]\n{steps}\n')

    with pytest.raises(InvalidConfiguration) as caught:
        load_recipe(directory)

    assert str(caught.value).startswith(f"{directory / 'recipe.toml'}: ")
    assert complaint in str(caught.value)


def test_the_default_image_has_the_promised_languages() -> None:
    languages = load_manifest(RECIPES / "default" / "manifest.toml").languages

    assert {name: language.aliases for name, language in languages.items()} == {
        "python": ("py", "python3"),
        "c": (),
        "cpp": ("c++", "cxx"),
        "bash": (),
        "sh": (),
    }
    c, cpp = languages["c"].compile, languages["cpp"].compile
    assert c is not None
    assert cpp is not None
    assert expand(c, "a.c", ["a.c", "b.c"])[-4:] == ("main", "a.c", "b.c", "-lm")
    assert expand(cpp, "a.cpp", ["a.cpp"])[-3:] == ("-o", "main", "a.cpp")
    assert expand(languages["python"].run, "main.py", ["main.py"]) == ("/usr/bin/python3", "main.py")
