"""The image store: reading, and that nothing but an image is ever read."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandboxd.errors import InvalidConfiguration
from sandboxd.images.lease import removing
from sandboxd.images.store import ImageStore

MANIFEST = """\
[languages.py]
aliases = ["python"]
source = "main.py"
extensions = [".py"]
run = ["python3", "{entrypoint}"]
"""
DIGEST = "sha256:" + "0" * 64


def make_image(place: Path, *, digest: str = DIGEST) -> Path:
    place.mkdir(parents=True)
    (place / "manifest.toml").write_text(MANIFEST)
    (place / "digest").write_text(digest + "\n")
    (place / "root.erofs").write_bytes(b"")
    return place


def test_an_image_is_read(tmp_path: Path) -> None:
    make_image(tmp_path / "default")

    image = ImageStore(tmp_path).get("default")

    assert image is not None
    assert (image.name, image.digest, image.layers) == ("default", DIGEST, (tmp_path / "default" / "root.erofs",))
    assert image.language("py") is image.language("python") is image.languages["py"]
    assert image.language("PY") is None


def test_a_directory_can_be_the_root(tmp_path: Path) -> None:
    place = make_image(tmp_path / "default")
    (place / "root.erofs").unlink()
    (place / "root").mkdir()

    image = ImageStore(tmp_path).get("default")

    assert image is not None
    assert image.layers[-1] == place / "root"


@pytest.mark.parametrize(
    "name",
    ["", ".", "..", ".tmp", "../store/default", "default/", "/default", "Default", "d\0", "default\n", "x" * 129],
)
def test_a_name_is_never_a_path(tmp_path: Path, name: str) -> None:
    make_image(tmp_path / "store" / "default")
    make_image(tmp_path / "store" / ".tmp")

    assert ImageStore(tmp_path / "store").get(name) is None


def test_what_is_not_there_is_unknown(tmp_path: Path) -> None:
    assert ImageStore(tmp_path).get("default") is None
    assert list(ImageStore(tmp_path / "nowhere").whole()) == []


def test_list_gives_images_by_name_and_nothing_else(tmp_path: Path) -> None:
    for name in ("b", "a", ".tmp"):
        make_image(tmp_path / name)
    (tmp_path / "file").touch()

    store = ImageStore(tmp_path)

    assert [image.name for image in store.whole()] == ["a", "b"] == store.names()


@pytest.mark.parametrize(
    ("file", "content", "complaint"),
    [
        ("root.erofs", None, "neither root.erofs nor root/"),
        ("digest", None, "digest: .*No such file"),
        ("digest", "sha256:12", "not a digest: 'sha256:12'"),
        ("manifest.toml", None, "manifest.toml: No such file"),
        ("manifest.toml", "x = 1", "x: unknown key"),
    ],
)
def test_a_damaged_image_is_named(tmp_path: Path, file: str, content: str | None, complaint: str) -> None:
    path = make_image(tmp_path / "default") / file
    path.unlink() if content is None else path.write_text(content)

    store = ImageStore(tmp_path)

    with pytest.raises(InvalidConfiguration, match=complaint):
        store.get("default")
    assert store.names() == ["default"]


def test_an_image_is_read_once(tmp_path: Path) -> None:
    make_image(tmp_path / "default")
    store = ImageStore(tmp_path)

    assert store.get("default") is store.get("default")


def test_a_replaced_image_is_read_anew_and_the_old_one_keeps_its_root(tmp_path: Path) -> None:
    for version in "12":
        make_image(tmp_path / ".versions" / version, digest="sha256:" + version * 64)
    (tmp_path / "default").symlink_to(".versions/1")
    store = ImageStore(tmp_path)
    before = store.get("default")

    (tmp_path / "link").symlink_to(".versions/2")
    os.replace(tmp_path / "link", tmp_path / "default")
    after = store.get("default")

    assert before is not None
    assert after is not None
    assert (before.layers[-1], after.layers[-1]) == (
        tmp_path / ".versions" / "1" / "root.erofs",
        tmp_path / ".versions" / "2" / "root.erofs",
    )
    assert after.digest == "sha256:" + "2" * 64


def test_what_names_do_not_mean_any_more_is_let_go(tmp_path: Path) -> None:
    """Of all that was read, whoever changed it; and whoever uses it is told."""
    for name in ("same", "replaced", "removed", "damaged"):
        make_image(tmp_path / ".versions" / name)
        (tmp_path / name).symlink_to(f".versions/{name}")
    store, told = ImageStore(tmp_path), []
    same = list(store.whole())[-1]
    store.on_replaced = lambda image: told.append(image.name)

    (tmp_path / "link").symlink_to(".versions/same")
    (tmp_path / "link").replace(tmp_path / "replaced")
    (tmp_path / "removed").unlink()
    (tmp_path / "damaged" / "digest").unlink()
    store.let_go()
    store.let_go()

    assert ["damaged", "removed", "replaced"] == sorted(told)
    assert store.get("same") is same
    for name, is_kept in (("same", True), ("replaced", False), ("removed", False), ("damaged", False)):
        with removing(tmp_path / ".versions" / name) as alone:
            assert alone is not is_kept


def test_a_removed_image_is_forgotten(tmp_path: Path) -> None:
    place = make_image(tmp_path / "default")
    store = ImageStore(tmp_path)
    assert store.get("default") is not None

    place.rename(tmp_path / ".gone")

    assert store.get("default") is None


def test_a_name_without_files_is_damaged(tmp_path: Path) -> None:
    (tmp_path / "default").symlink_to(".versions/gone")
    store = ImageStore(tmp_path)

    assert store.get("default") is None
    (tmp_path / ".versions").mkdir()
    place = make_image(tmp_path / ".versions" / "gone")
    with is_being_removed(place), pytest.raises(InvalidConfiguration, match="its files are gone"):
        store.get("default")
    assert store.get("default") is not None


@contextlib.contextmanager
def is_being_removed(place: Path) -> Iterator[None]:
    """Hold a version as who removes it does."""
    fd = os.open(place, os.O_RDONLY)
    fcntl.flock(fd, fcntl.LOCK_EX)
    yield
    os.close(fd)
