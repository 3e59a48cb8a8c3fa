"""Building, with a maker that needs neither network nor root: when it builds, and what a killed build leaves."""

from __future__ import annotations

import fcntl
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from sandboxd.errors import HostUnfit, InvalidConfiguration, SandboxError
from sandboxd.images import commands, pack
from sandboxd.images.build import build, main
from sandboxd.images.debian import choose_entries, choose_stanzas
from sandboxd.images.recipe import Recipe, load_recipe

RECIPE = '[debian]\nsuite = "bookworm"\npackages = ["python3"]\n\n[root]\nremove = ["usr/share/doc"]\n'
MANIFEST = '[languages.py]\nsource = "main.py"\nextensions = [".py"]\nrun = ["python3", "{entrypoint}"]\n'
Line = Callable[[str], None]


class Maker:
    """Makes a root of a few bytes, each time others."""

    def __init__(self) -> None:
        self.made = 0

    def __call__(self, _recipe: Recipe, _work: Path, place: Path, progress: Line) -> None:
        progress("making")
        self.made += 1
        (place / "root.erofs").write_text(f"root {self.made}")
        (place / "digest").write_text(f"sha256:{self.made:064x}\n")
        (place / "packages.txt").write_text("python3.deb\n")


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    directory = tmp_path / "recipes" / "small"
    directory.mkdir(parents=True)
    (directory / "recipe.toml").write_text(RECIPE)
    (directory / "manifest.toml").write_text(MANIFEST)
    return directory


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "store"


def test_a_build_makes_an_image(recipe: Path, store: Path) -> None:
    image = build(recipe, store, maker=Maker())

    assert (image.name, image.digest, image.layers[-1].read_text()) == ("small", f"sha256:{1:064x}", "root 1")
    assert image.layers[-1].is_relative_to(store)
    assert list((store / ".tmp").iterdir()) == []


def test_what_is_up_to_date_is_not_built_again(recipe: Path, store: Path) -> None:
    maker, lines = Maker(), list[str]()
    first = build(recipe, store, maker=maker)

    second = build(recipe, store, lines.append, maker=maker)

    assert (second, maker.made, lines) == (first, 1, [])


def test_force_builds_again(recipe: Path, store: Path) -> None:
    maker = Maker()
    build(recipe, store, maker=maker)

    assert build(recipe, store, maker=maker, force=True).layers[-1].read_text() == "root 2"


def test_another_recipe_builds_again(recipe: Path, store: Path) -> None:
    maker = Maker()
    build(recipe, store, maker=maker)

    (recipe / "recipe.toml").write_text(RECIPE.replace("python3", "perl"))

    assert build(recipe, store, maker=maker).layers[-1].read_text() == "root 2"


def test_another_manifest_takes_the_same_root(recipe: Path, store: Path) -> None:
    maker = Maker()
    build(recipe, store, maker=maker)

    (recipe / "manifest.toml").write_text(MANIFEST.replace("languages.py", "languages.snake"))
    image = build(recipe, store, maker=maker)

    assert maker.made == 1
    assert image.language("snake") is not None
    assert image.layers[-1].read_text() == "root 1"


def test_a_failed_build_leaves_the_image_as_it_was(recipe: Path, store: Path) -> None:
    def fail(_recipe: Recipe, work: Path, _place: Path, _progress: Line) -> None:
        (work / "half").touch()
        raise SandboxError("no network")

    build(recipe, store, maker=Maker())
    with pytest.raises(SandboxError, match="no network"):
        build(recipe, store, maker=fail, force=True)

    assert build(recipe, store, maker=fail).layers[-1].read_text() == "root 1"
    assert list((store / ".tmp").iterdir()) == []


def test_leftovers_of_a_killed_build_are_swept_by_the_next(recipe: Path, store: Path) -> None:
    build(recipe, store, maker=Maker())
    half = store / ".tmp" / "killed" / "root" / "usr"
    half.mkdir(parents=True)
    unnamed = store / ".versions" / "small.killed"
    unnamed.mkdir()
    (store / ".tmp" / "link").symlink_to("/")

    image = build(recipe, store, maker=Maker(), force=True)

    assert image.layers[-1].is_file()
    assert not unnamed.exists()
    assert list((store / ".tmp").iterdir()) == []


def test_the_replaced_version_stays_until_the_next_build(recipe: Path, store: Path) -> None:
    maker = Maker()
    roots = [build(recipe, store, maker=maker, force=True).layers[-1] for _ in range(3)]

    assert [root.exists() for root in roots] == [False, True, True]


def test_a_build_waits_for_another_and_takes_its_image(recipe: Path, store: Path) -> None:
    maker, waiting = Maker(), threading.Event()
    store.mkdir()
    with (store / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        arguments = (recipe, store, lambda _line: waiting.set())
        second = threading.Thread(target=build, args=arguments, kwargs={"maker": maker})
        second.start()
        assert waiting.wait(10)
        assert maker.made == 0
    second.join(10)

    assert maker.made == 1


def test_an_image_that_was_not_built_here_is_not_overwritten(recipe: Path, store: Path) -> None:
    (store / "small").mkdir(parents=True)
    (store / "small" / "precious").touch()

    with pytest.raises(SandboxError, match="was not built here; move it away"):
        build(recipe, store, maker=Maker())

    assert (store / "small" / "precious").exists()


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("suite", "sweet", "debian.sweet: unknown key"),
        ('suite = "bookworm"', "", "debian.suite: is missing"),
        ('"bookworm"', '"../etc"', "debian: suite '../etc' is not the name of a release"),
        ('["python3"]', '["python3 --force"]', "debian: 'python3 --force' is not the name of a package"),
        ('["python3"]', '["-o=x"]', "debian: '-o=x' is not the name of a package"),
        ("[root]", "[roots]", "roots: unknown key"),
    ],
)
def test_a_wrong_recipe_is_refused_by_key(recipe: Path, old: str, new: str, message: str) -> None:
    (recipe / "recipe.toml").write_text(RECIPE.replace(old, new))

    with pytest.raises(InvalidConfiguration) as caught:
        load_recipe(recipe)

    assert str(caught.value) == f"{recipe / 'recipe.toml'}: {message}"


def test_a_wrong_manifest_is_found_before_anything_is_built(recipe: Path, store: Path) -> None:
    (recipe / "manifest.toml").write_text("x = 1")

    with pytest.raises(InvalidConfiguration, match=r"manifest\.toml: x: unknown key"):
        build(recipe, store, maker=Maker())

    assert not store.exists()


def test_the_directory_names_the_image(tmp_path: Path) -> None:
    with pytest.raises(InvalidConfiguration, match="'My Image' cannot be the name of an image"):
        load_recipe(tmp_path / "My Image")


def test_the_command_line_names_what_is_wrong(recipe: Path, store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (recipe / "recipe.toml").unlink()

    assert main([str(recipe), "--store", str(store)]) != 0

    captured = capsys.readouterr()
    assert captured.out == ""
    assert "recipe.toml: No such file" in captured.err


def test_the_command_line_is_quiet_when_up_to_date(
    recipe: Path, store: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    build(recipe, store, maker=Maker())

    assert main([str(recipe), "--store", str(store)]) == 0
    assert capsys.readouterr() == ("", "")


def test_a_missing_tool_is_named_with_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(commands.PACKAGE_OF, "no-such-tool", "some-package")

    with pytest.raises(HostUnfit, match="no-such-tool not found; install with: apt-get install -y some-package"):
        commands.require(["sh", "no-such-tool"])


def test_a_failing_tool_shows_its_last_lines() -> None:
    with pytest.raises(SandboxError, match=r"(?s)exit status 3\n    line 6\n.*    line 25$"):
        commands.run(["sh", "-c", "for i in $(seq 25); do echo line $i; done; exit 3"])


def test_without_its_tool_there_is_no_erofs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commands, "available", lambda _tool: False)

    assert pack.why_not_erofs() == "mkfs.erofs not found (apt-get install -y erofs-utils)"


def test_only_sources_of_the_release_are_taken() -> None:
    entries = """\
# deb http://host.invalid/debian bookworm main
deb http://host.invalid/debian bookworm main contrib
deb-src http://host.invalid/debian bookworm main
deb [signed-by=/k.gpg] http://host.invalid/security bookworm-security main
deb http://host.invalid/debian bookworm-backports main
deb http://other.invalid/tool stable main
"""

    assert choose_entries(entries, "bookworm") == (
        "deb http://host.invalid/debian bookworm main\n"
        "deb [signed-by=/k.gpg] http://host.invalid/security bookworm-security main\n"
    )


def test_stanzas_are_cut_down_to_the_release() -> None:
    stanzas = """\
# A comment
Types: deb deb-src
URIs: http://host.invalid/debian
Suites: bookworm bookworm-updates bookworm-backports
Components: main non-free
Signed-By:
 -----BEGIN-----
 .

Types: deb
Enabled: no
URIs: http://off.invalid/debian
Suites: bookworm
Components: main

Types: deb
URIs: http://other.invalid/tool
Suites: stable
Components: main
"""

    assert choose_stanzas(stanzas, "bookworm") == (
        "Types: deb\nURIs: http://host.invalid/debian\nSuites: bookworm bookworm-updates\n"
        "Components: main\nSigned-By: \n -----BEGIN-----\n .\n"
    )


def test_another_release_has_no_sources() -> None:
    assert choose_entries("deb http://host.invalid/debian trixie main", "bookworm") == ""
