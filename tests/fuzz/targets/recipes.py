"""The recipe of an image."""

from __future__ import annotations

from sandboxd.errors import InvalidConfiguration
from sandboxd.images.recipe import load_recipe
from tests.fuzz import files

_MANIFEST = b'[languages.sh]\nsource = "main.sh"\nextensions = [".sh"]\nrun = ["sh", "{entrypoint}"]\n'


def fuzz(data: bytes) -> None:
    """Make a recipe whose names are words of no other meaning to mmdebstrap, or raise InvalidConfiguration that names the file."""
    directory = files.directory("recipes")
    path = files.put(directory / "recipe.toml", data)
    files.put(directory / "manifest.toml", _MANIFEST)
    try:
        recipe = load_recipe(directory)
    except InvalidConfiguration as error:
        assert str(error).startswith(f"{path}: "), error  # noqa: PT017  (what else is raised is the finding)
        return
    for word in (recipe.debian.suite, *recipe.debian.packages):
        assert word[0].isalnum(), word
        assert not {",", " ", "\0", "\n", "/", "?"} & {*word}, word
    steps = recipe.steps
    words = [*steps.remove, *steps.links, *steps.links.values(), *(word for command in steps.run for word in command)]
    assert not any("\0" in word for word in words), words
    assert all(steps.links) and all(steps.links.values()) and all(steps.remove), "an empty path"  # noqa: PT018
    assert all(command and command[0] for command in steps.run), "an empty command"
