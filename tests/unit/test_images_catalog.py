"""What a server makes of an image that it has already, without a registry."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest

from sandboxd.images import versions
from sandboxd.images.origin import Origin, write_origin
from sandboxd.images.store import ImageStore
from sandboxd.service.image_versions import LanguageVersions
from sandboxd.service.images import ImageCatalog
from tests.unit.test_images_store import make_image

WANTED, OTHER = ("sha256:" + digit * 64 for digit in "12")


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "store"


@pytest.fixture
def catalog(store: Path) -> ImageCatalog:
    async def run(_submission):
        raise AssertionError("nothing runs")

    return ImageCatalog(ImageStore(store), store, default="default", fixed=False, versions_of=LanguageVersions(run))


def pulled(store: Path, name: str, manifest: str) -> Path:
    """Have a name mean an image that came with this manifest; returns its version."""
    version = make_image(store / ".versions" / f"{name}.{manifest[-1]}")
    write_origin(version, Origin(manifest=manifest, blobs=()))
    repoint(store, name, version)
    return version


def repoint(store: Path, name: str, version: Path) -> None:
    (store / "link").symlink_to(version.relative_to(store))
    (store / "link").replace(store / name)


def test_an_image_that_is_here_gets_one_more_name(store: Path, catalog: ImageCatalog) -> None:
    version = pulled(store, "tool", WANTED)

    assert (True, False) == (catalog.name_if_here(WANTED, "pinned"), catalog.name_if_here(OTHER, "other"))
    assert (store / "pinned").resolve() == version
    assert not (store / "other").exists()


@pytest.mark.parametrize("still_here", [False, True])
def test_a_name_that_comes_to_mean_another_image_is_not_believed(
    store: Path, catalog: ImageCatalog, monkeypatch: pytest.MonkeyPatch, *, still_here: bool
) -> None:
    """Another pull may have the store while this one waits for it."""
    version = pulled(store, "tool", WANTED)
    writing = versions.writing

    @contextlib.contextmanager
    def waiting(*arguments):
        with writing(*arguments):
            pulled(store, "tool", OTHER)
            if still_here:
                repoint(store, "elsewhere", version)
            yield

    monkeypatch.setattr(versions, "writing", waiting)

    assert still_here is catalog.name_if_here(WANTED, "pinned")
    assert (store / "pinned").exists() is still_here
    assert not still_here or (store / "pinned").resolve() == version


def test_who_does_not_say_what_it_is_keeps_none_from_being_found(store: Path, catalog: ImageCatalog) -> None:
    (pulled(store, "a", WANTED) / "oci.json").write_text("{")
    version = pulled(store, "b", WANTED)

    assert catalog.name_if_here(WANTED, "pinned")
    assert (store / "pinned").resolve() == version


def test_what_was_put_there_by_hand_is_as_if_it_were_not(store: Path, catalog: ImageCatalog) -> None:
    write_origin(make_image(store / "own"), Origin(manifest=WANTED, blobs=()))

    assert not catalog.name_if_here(WANTED, "pinned")
    assert not (store / "pinned").exists()
