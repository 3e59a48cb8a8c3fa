"""``packages`` in a recipe's manifest: a layer of Python packages over the root that the recipe makes."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from sandboxd.client import SandboxClient
from sandboxd.config import load_config
from sandboxd.errors import BuildFailed, InvalidConfiguration
from sandboxd.images.build import build, main
from sandboxd.images.recipe import load_recipe
from sandboxd.v1 import execution_service_pb2 as pb
from tests.api.conftest import ServerThread
from tests.image_store import link, make_wheel

DEFAULT = load_config(None, {}, {}).store / "default"
RECIPE = '[debian]\nsuite = "bookworm"\npackages = ["python3"]\n'
MANIFEST = """\
[languages.python]
source = "main.py"
extensions = [".py"]
run = ["/usr/bin/python3", "{entrypoint}"]
packages = ["outer"]
"""


class Maker:
    """Takes the default image's root for that of any recipe."""

    def __init__(self):
        self.made = 0

    def __call__(self, _recipe, _work, place, _progress):
        self.made += 1
        for name in ("root.erofs", "digest", "packages.txt"):
            link(str((DEFAULT / name).resolve()), str(place / name))


@pytest.fixture
def wheelhouse(tmp_path):
    directory = tmp_path / "wheels"
    directory.mkdir()
    make_wheel(directory, "inner", "1.0", {"inner.py": "VALUE = 42\n"})
    make_wheel(directory, "outer", "0.1", {"outer.py": "from inner import VALUE\n"}, needs=["inner"])
    return directory


@pytest.fixture
def write(tmp_path):
    """Write a recipe, and return its directory."""

    def write(name="mine", *, recipe=RECIPE, manifest=MANIFEST) -> Path:
        directory = tmp_path / "recipes" / name
        directory.mkdir(parents=True, exist_ok=True)
        (directory / "recipe.toml").write_text(recipe)
        (directory / "manifest.toml").write_text(manifest)
        return directory

    return write


def run(store, image, code):
    server = ServerThread(listen=f"unix:{store.parent}/socket", state_dir=store.parent, default_image=image)
    try:
        with SandboxClient(server.app.address) as client:
            source = pb.Source(language="python", files=[pb.File(path="main.py", content=code.encode())])
            return client.execute(pb.ExecuteRequest(source=source, image=image), timeout=60).run
    finally:
        server.close()


def test_packages_are_a_layer_over_the_root(write, store, wheelhouse):
    image = build(write(), store, maker=Maker(), wheelhouse=wheelhouse)

    assert (DEFAULT / "root.erofs").read_bytes() == image.layers[0].read_bytes()
    assert 2 == len(image.layers)
    assert ["inner-1.0", "outer-0.1"] == (image.directory / "packages.txt").read_text().split()[-2:]
    ran = run(store, "mine", "import outer; print(outer.VALUE)")
    assert (b"42\n", b"") == (ran.stdout.data, ran.stderr.data)


def test_they_are_resolved_once_and_shared(write, store, wheelhouse):
    maker, told = Maker(), []
    first = build(write(), store, maker=maker, wheelhouse=wheelhouse)
    again = build(write(), store, told.append, maker=maker, wheelhouse=wheelhouse)
    other = build(write("other"), store, told.append, maker=maker, wheelhouse=wheelhouse)

    assert (first, 2) == (again, maker.made)
    assert "their layer is there already" in told
    assert os.path.samefile(first.layers[-1], other.layers[-1])


def test_other_packages_are_another_image(write, store, wheelhouse):
    maker = Maker()
    first = build(write(), store, maker=maker, wheelhouse=wheelhouse)
    fewer = build(write(manifest=MANIFEST.replace("outer", "inner")), store, maker=maker, wheelhouse=wheelhouse)
    none = build(write(manifest=MANIFEST.replace('["outer"]', "[]")), store, maker=maker, wheelhouse=wheelhouse)

    assert 3 == len({first.digest, fewer.digest, none.digest})
    assert ["inner-1.0"] == (fewer.directory / "packages.txt").read_text().split()[-1:]
    assert 1 == len(none.layers)
    assert (none.directory / "ingredients.json").exists()


def test_the_root_is_kept_where_packages_come_later(write, store, wheelhouse):
    maker = Maker()
    build(write(manifest=MANIFEST.replace('["outer"]', "[]")), store, maker=maker)
    image = build(write(), store, maker=maker, wheelhouse=wheelhouse)

    assert (1, 2) == (maker.made, len(image.layers))


def test_what_cannot_be_had_leaves_the_image_as_it_was(write, store, wheelhouse):
    image = build(write(), store, maker=Maker(), wheelhouse=wheelhouse)

    with pytest.raises(BuildFailed, match="nowhere"):
        build(write(manifest=MANIFEST.replace("outer", "nowhere")), store, maker=Maker(), wheelhouse=wheelhouse)

    assert image == build(write(), store, maker=Maker(), wheelhouse=wheelhouse)
    assert [] == list((store / ".tmp").iterdir())


def test_nothing_of_a_package_is_run_by_the_build(write, store, wheelhouse, tmp_path):
    witness = tmp_path / "witness"
    make_wheel(wheelhouse, "evil", "1", {"evil.pth": f"import os; open({str(witness)!r}, 'w')\n", "evil.py": ""})

    build(write(manifest=MANIFEST.replace("outer", "evil")), store, maker=Maker(), wheelhouse=wheelhouse)

    assert not witness.exists()


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ('["outer"]', '["-r /etc/passwd"]', "languages.python.packages: .*is an option, and not a requirement"),
        ('["outer"]', '["x @ https://example.com/x.whl"]', "languages.python.packages: .*from an address"),
        ('["outer"]', '["not a name"]', "languages.python.packages: .*is not a name with versions"),
        ('["outer"]', '"outer"', "languages.python.packages: "),
        ("languages.python", "languages.ruby", "languages.ruby: only python has packages"),
    ],
)
def test_wrong_ones_are_refused_before_anything_is_made(write, store, old, new, complaint):
    with pytest.raises(InvalidConfiguration, match=complaint):
        build(write(manifest=MANIFEST.replace(old, new)), store, maker=Maker())

    assert not list(store.iterdir())


def test_it_is_no_base_of_another_recipe(write):
    write()
    top = write("top", recipe=f'from = "mine"\n\n{RECIPE}', manifest=MANIFEST.replace('["outer"]', "[]"))

    with pytest.raises(InvalidConfiguration, match="from: mine has Python packages"):
        load_recipe(top)


def test_the_command_line_takes_a_wheelhouse(write, store, wheelhouse, monkeypatch, capsys):
    monkeypatch.setattr(build, "__kwdefaults__", {**build.__kwdefaults__, "maker": Maker()})

    assert 0 == main([str(write()), "--store", str(store), "--wheelhouse", str(wheelhouse)])
    assert "2 packages: inner-1.0 outer-0.1" in capsys.readouterr().err
