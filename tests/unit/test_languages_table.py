"""The table of languages, and the recipes that it is about."""

from __future__ import annotations

from pathlib import Path

from sandboxd.cli.submission import guess_language
from sandboxd.images.manifest import load_manifest
from tests.languages.table import RECIPES, rows


def test_every_language_of_every_recipe_has_programs() -> None:
    offered = {
        (recipe.name, language)
        for recipe in RECIPES.iterdir()
        for language in load_manifest(recipe / "manifest.toml").languages
    }

    assert offered == {(row.image, row.language) for row in rows()}


def test_a_version_is_expected_where_the_manifest_says_how_it_is_asked_for() -> None:
    assert [] == [str(row) for row in rows() if (row.version is None) != (row.offer.version is None)]


def test_the_command_line_knows_the_language_of_every_source_file() -> None:
    """By extension; two languages that share one are told apart by --language."""
    wrong = {}
    for row in rows():
        extension = Path(row.offer.source).suffix
        guessed = guess_language(f"x{extension}")
        if guessed != row.language and guessed not in load_manifest(RECIPES / row.image / "manifest.toml").languages:
            wrong[str(row)] = guessed

    assert {} == wrong
