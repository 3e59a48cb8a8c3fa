"""The recipes that come with sandboxd."""

from __future__ import annotations

from pathlib import Path

import pytest

from sandboxd.images.manifest import expand, load_manifest
from sandboxd.images.recipe import load_recipe

RECIPES = Path(__file__).resolve().parents[2] / "images"


@pytest.mark.parametrize("directory", sorted(RECIPES.iterdir()), ids=lambda path: path.name)
def test_every_recipe_can_be_read(directory: Path) -> None:
    assert load_recipe(directory).name == directory.name


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
