"""The manifest: what is accepted, and that each refusal names file and key."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from sandboxd.errors import InvalidConfiguration
from sandboxd.images.manifest import Manifest, expand, load_manifest, parse_manifest

GOOD = """
[env]
TZ = "UTC"

[languages.c]
aliases = ["c17"]
source = "main.c"
extensions = [".c"]
compile = ["/usr/bin/gcc", "-o", "main", "{sources}", "-lm"]
run = ["./main"]
env = { TMPDIR = "/tmp" }
min_memory_bytes = 1024
"""


def parse(text: str) -> Manifest:
    return parse_manifest(tomllib.loads(text), "m.toml")


def test_a_good_manifest_is_read() -> None:
    manifest = parse(GOOD)

    c = manifest.languages["c"]
    assert manifest.env == {"TZ": "UTC"}
    assert (c.name, c.aliases, c.source, c.extensions) == ("c", ("c17",), "main.c", (".c",))
    assert c.compile == ("/usr/bin/gcc", "-o", "main", "{sources}", "-lm")
    assert (c.run, c.env, c.min_memory_bytes, c.compile_min_memory_bytes) == (("./main",), {"TMPDIR": "/tmp"}, 1024, 0)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('source = "main.c"', 'sources = "main.c"', "m.toml: languages.c.sources: unknown key"),
        ('source = "main.c"', "", "m.toml: languages.c.source: is missing"),
        ('run = ["./main"]', 'run = "./main"', "m.toml: languages.c.run: Expected `array`, got `str`"),
        ('run = ["./main"]', "run = []", "m.toml: languages.c: a command needs at least the name of a program"),
        ('run = ["./main"]', 'run = ["{binary}"]', "m.toml: languages.c: unknown placeholder {binary}"),
        ('"{sources}"', '"-x{sources}"', "m.toml: languages.c: {sources} must be a whole element"),
        ('source = "main.c"', 'source = "../main.c"', "m.toml: languages.c: source must be the name of a file"),
        ('source = "main.c"', 'source = ".."', "m.toml: languages.c: source must be the name of a file"),
        ('source = "main.c"', 'source = "a\\u0000"', "m.toml: languages.c: source must be the name of a file"),
        ('run = ["./main"]', 'run = ["./main", "\\u0000"]', "m.toml: languages.c: a command has a NUL"),
        ("= 1024", f"= {1 << 63}", "m.toml: languages.c: no machine has that much"),
        ('source = "main.c"', 'source = ""', "m.toml: languages.c: source must be the name of a file"),
        ('[".c"]', '["c"]', "m.toml: languages.c: extension 'c' must begin with a dot"),
        ('["c17"]', '["C 17"]', "m.toml: languages.c: 'C 17' is not a name of a language"),
        ("{ TMPDIR =", "{ '1X' =", "m.toml: languages.c: '1X' is not a name of an environment variable"),
        ('TZ = "UTC"', "TZ = 1", "m.toml: env[...]: Expected `str`, got `int`"),
        ("= 1024", "= -1", "m.toml: languages.c: memory cannot be negative"),
        ("= 1024", '= "1 MiB"', "m.toml: languages.c.min_memory_bytes: Expected `int`, got `str`"),
        ("[env]", "[environment]", "m.toml: environment: unknown key"),
        ("= 1024", '= 1024\nname = "d"', "m.toml: languages.c.name: unknown key; the table's name is the language's"),
    ],
)
def test_a_wrong_manifest_is_refused_by_key(old: str, new: str, message: str) -> None:
    assert old in GOOD
    with pytest.raises(InvalidConfiguration) as caught:
        parse(GOOD.replace(old, new))

    assert str(caught.value) == message


def test_a_name_belongs_to_one_language() -> None:
    other = '[languages.clang]\naliases = ["c17"]\nsource = "a.c"\nextensions = [".c"]\nrun = ["x"]\n'

    with pytest.raises(InvalidConfiguration, match="'c17' names both c and clang"):
        parse(GOOD + other)


@pytest.mark.parametrize("text", ["", "languages = 1", "[languages]"])
def test_an_image_has_languages(text: str) -> None:
    with pytest.raises(InvalidConfiguration, match=r"m\.toml: languages: an image needs at least one"):
        parse(text)


@pytest.mark.parametrize(("content", "complaint"), [(b"= 1", "Invalid statement"), (b"\xff", "utf-8")])
def test_a_file_that_is_not_toml_is_named(tmp_path: Path, content: bytes, complaint: str) -> None:
    path = tmp_path / "manifest.toml"
    path.write_bytes(content)

    with pytest.raises(InvalidConfiguration) as caught:
        load_manifest(path)

    assert str(caught.value).startswith(f"{path}: ")
    assert complaint in str(caught.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidConfiguration, match=r"manifest\.toml: No such file"):
        load_manifest(tmp_path / "manifest.toml")


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        (["./main"], ("./main",)),
        (["python3", "{entrypoint}"], ("python3", "a.c")),
        (["run", "--file={entrypoint}", "{entrypoint}"], ("run", "--file=a.c", "a.c")),
        (["gcc", "{sources}", "-lm"], ("gcc", "a.c", "b.c", "-lm")),
        (["sh", "-c", "echo ${HOME} {}"], ("sh", "-c", "echo ${HOME} {}")),
    ],
)
def test_expand_fills_in_files(template: list[str], expected: tuple[str, ...]) -> None:
    assert expand(template, "a.c", ["a.c", "b.c"]) == expected


@pytest.mark.parametrize("name", ["-fplugin=x.c", "@options.c"])
def test_a_file_is_never_taken_for_an_option(name: str) -> None:
    assert expand(["gcc", "{entrypoint}", "{sources}"], name, [name]) == ("gcc", f"./{name}", f"./{name}")


def test_a_file_that_is_named_like_a_placeholder_is_a_file() -> None:
    argv = expand(["x", "{entrypoint}", "{sources}"], "{sources}", ["{entrypoint}"])

    assert argv == ("x", "{sources}", "{entrypoint}")


def test_sources_are_chosen_by_extension_in_order() -> None:
    assert parse(GOOD).languages["c"].sources_of(["z.c", "a.h", "d/b.c", "c"]) == ("z.c", "d/b.c")
