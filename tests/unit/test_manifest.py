"""The manifest: what is accepted, and that each refusal names file and key."""

from __future__ import annotations

import time
import tomllib
from pathlib import Path

import pytest

from sandboxd.errors import InvalidConfiguration
from sandboxd.images.manifest import Manifest, expand, load_manifest, parse_manifest
from sandboxd.images.toml import read

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
version = ["/usr/bin/gcc", "--version"]
"""


def parse(text: str) -> Manifest:
    return parse_manifest(tomllib.loads(text), "m.toml")


def test_a_good_manifest_is_read() -> None:
    manifest = parse(GOOD)

    c = manifest.languages["c"]
    assert manifest.env == {"TZ": "UTC"}
    assert (c.name, c.aliases, c.source, c.extensions) == ("c", ("c17",), "main.c", (".c",))
    assert c.compile == ("/usr/bin/gcc", "-o", "main", "{sources}", "-lm")
    assert c.version == ("/usr/bin/gcc", "--version")
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
        ('"--version"]', '"\\u0000"]', "m.toml: languages.c: a command has a NUL"),
        ('["/usr/bin/gcc", "--version"]', "[]", "m.toml: languages.c: a command needs at least the name of a program"),
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


@pytest.mark.parametrize("text", ["", "[languages]", '[env]\nA = "1"'])
def test_an_image_may_have_no_languages(text: str) -> None:
    assert parse(text).languages == {}


@pytest.mark.parametrize("text", ["languages = 1", 'languages = ["c"]'])
def test_languages_are_tables(text: str) -> None:
    with pytest.raises(InvalidConfiguration, match=r"m\.toml: languages: must be tables, \[languages\.<name>\]"):
        parse(text)


@pytest.mark.parametrize(("content", "complaint"), [(b"= 1", "Invalid statement"), (b"\xff", "utf-8")])
def test_a_file_that_is_not_toml_is_named(tmp_path: Path, content: bytes, complaint: str) -> None:
    path = tmp_path / "manifest.toml"
    path.write_bytes(content)

    with pytest.raises(InvalidConfiguration) as caught:
        load_manifest(path)

    assert str(caught.value).startswith(f"{path}: ")
    assert complaint in str(caught.value)


@pytest.mark.parametrize("part", ["a", '"a.b"', "'a' ", '"\\"" \t', "\t-_9"])
@pytest.mark.parametrize("text", ["{key} = 1", "[{key}]", "x = 1\r\n  [[ {key} ]]", "a = [1, {{ b = 1, {key} = 1 }}]"])
def test_a_key_of_many_parts_is_refused_before_it_is_parsed(tmp_path: Path, part: str, text: str) -> None:
    """tomllib takes memory that grows by the square of their number."""
    path = tmp_path / "manifest.toml"
    path.write_text(text.format(key=".".join([part] * 64)))
    assert read(path)

    path.write_text(text.format(key=".".join([part] * 65)))
    with pytest.raises(InvalidConfiguration, match=r"manifest\.toml: a key of more than 64 parts"):
        read(path)


@pytest.mark.parametrize("line", ["a" * 100_000, '"\\"' + '\\"' * 50_000, "a." * 50_000, ", " * 50_000, ',"' * 50_000])
def test_a_line_is_searched_for_such_a_key_in_no_time(tmp_path: Path, line: str) -> None:
    (tmp_path / "manifest.toml").write_text(line)
    began = time.process_time()

    with pytest.raises(InvalidConfiguration):
        read(tmp_path / "manifest.toml")

    assert time.process_time() - began < 0.5


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidConfiguration, match=r"manifest\.toml: No such file"):
        load_manifest(tmp_path / "manifest.toml")


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        (["./main"], ("./main",)),
        (["python3", "{entrypoint}"], ("python3", "a.c")),
        (["java", "{stem}"], ("java", "a")),
        (["run", "--class={stem}", "{stem}.js"], ("run", "--class=a", "a.js")),
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


@pytest.mark.parametrize(
    ("entrypoint", "stem"),
    [("com/example/App.java", "com/example/App"), ("a.b.ts", "a.b"), ("v1.2/run", "v1.2/run"), ("-x.ts", "./-x")],
)
def test_the_stem_is_the_entrypoint_without_its_last_extension(entrypoint: str, stem: str) -> None:
    assert expand(["{stem}"], entrypoint, []) == (stem,)


def test_a_language_need_not_say_how_its_version_is_asked_for() -> None:
    assert parse(GOOD.replace('version = ["/usr/bin/gcc", "--version"]', "")).languages["c"].version is None


def test_a_file_that_is_named_like_a_placeholder_is_a_file() -> None:
    argv = expand(["x", "{entrypoint}", "{sources}"], "{sources}", ["{entrypoint}"])

    assert argv == ("x", "{sources}", "{entrypoint}")


def test_sources_are_chosen_by_extension_in_order() -> None:
    assert parse(GOOD).languages["c"].sources_of(["z.c", "a.h", "d/b.c", "c"]) == ("z.c", "d/b.c")
