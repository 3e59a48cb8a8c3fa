"""No layer is compressed twice, and what came compressed goes on as it came."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard

from sandboxd.images import committing, layers, pack, packed
from sandboxd.images.blobs import Blobs
from sandboxd.images.committing import Commit
from sandboxd.images.exporting import to_oci
from sandboxd.images.files import DIGEST, MANIFEST
from sandboxd.images.importing import MANIFEST_LABEL, install_image
from sandboxd.images.oci import media
from sandboxd.images.oci.image import OciImage, load
from sandboxd.images.origin import used_blobs
from sandboxd.images.store import Image, ImageStore
from sandboxd.images.tree import Tree
from sandboxd.images.versions import install, outside_work_directory, work_directory, writing
from tests.image_store import mounted
from tests.images.test_layers import add_image, seen
from tests.unit.archives import add_layer, archive

LOWER = archive(("a", "file", "1" * 5000), ("b", "file", "1", {"mode": 0o4755}), ("d/e", "file", "1"))
UPPER = archive(("c", "hardlink", "a"), ("d/.wh..wh..opq", "file"), (".wh.b", "file"))


def built_on(store: Path, base: Image, name: str) -> Image:
    """Build an image with one more layer, as packages are put on others."""
    with writing(store, lambda _line: None), work_directory(store) as work:
        place = work / "version"
        place.mkdir(mode=0o755)
        (committing.make_tree(work) / "more").write_text("more")
        layers.put_below(base.directory, place)
        (place / DIGEST).write_text(layers.add(place, pack.pack_erofs(Tree(work / "tree"), place)) + "\n")
        shutil.copyfile(base.directory / MANIFEST, place / MANIFEST)
        install(store, name, place)
    image = ImageStore(store).get(name)
    assert image is not None
    return image


def committed_on(store: Path, base: Image, name: str) -> Image:
    """Commit the same to another image, as of a workspace."""
    provenance = Commit(
        layer=len(base.layers),
        created="2026-01-02T03:04:05Z",
        execution_id="e1",
        image=base.name,
        image_digest=base.digest,
        policy="keep",
        message="more",
    )
    with outside_work_directory(store) as work:
        workspace = committing.make_tree(work)
        (workspace / "more").write_text("more")
        for directory in (workspace, work / "tree"):
            os.utime(directory, (0, 0))
        committing.commit(store, name, base, work, provenance)
    image = ImageStore(store).get(name)
    assert image is not None
    return image


either_way = pytest.mark.parametrize("make", [built_on, committed_on])
Make = Callable[[Path, Image, str], Image]


def told(image: OciImage) -> list[tuple[str | None, bool]]:
    """Return the steps of its history, and which of them made layers."""
    return [(step.created_by, not step.empty_layer) for step in image.config.history or ()]


def exported(image: Image, blobs: Blobs, work: Path) -> tuple[OciImage, int]:
    """Export an image; also returns how many layers were compressed for that."""
    lines: list[str] = []
    return to_oci(image, blobs, work, lines.append), sum(line.startswith("compressing") for line in lines)


def test_a_layer_is_compressed_once_until_it_is_pruned(store: Path, blobs: Blobs, work: Path) -> None:
    base = install_image(store, load(blobs, add_image(blobs, [add_layer(blobs, LOWER)])), "base")
    (base.directory / "oci.json").unlink()
    (base.directory / "oci-layers.json").unlink()  # as if it was built here
    image = built_on(store, base, "mine")

    one, first = exported(image, blobs, work)
    two, second = exported(image, blobs, work)
    _, of_base = exported(base, blobs, work)

    assert (first, second, of_base) == (3, 0, 0)
    assert one == two
    blobs.prune(lambda: used_blobs(store))
    packed.prune(blobs)
    assert list((store / ".blobs" / "packed").iterdir()) == []
    assert not blobs.has(one.digest)
    assert exported(image, blobs, work) == (one, 3)


def test_what_is_noted_and_gone_or_damaged_is_made_again(store: Path, blobs: Blobs, work: Path) -> None:
    base = install_image(store, load(blobs, add_image(blobs, [add_layer(blobs, LOWER)])), "base")
    image = built_on(store, base, "mine")
    one, _ = exported(image, blobs, work)

    blobs.path(one.layers[-1].digest).unlink()
    assert exported(image, blobs, work) == (one, 1)
    for note in (store / ".blobs" / "packed").iterdir():
        note.write_text("{")
    assert exported(image, blobs, work) == (one, 2)
    packed.prune(blobs)
    assert exported(image, blobs, work) == (one, 0)


@either_way
def test_what_is_made_of_a_pulled_image_has_its_blobs(
    store: Path, blobs: Blobs, work: Path, tmp_path: Path, make: Make
) -> None:
    """Those that a registry has already, whatever they are compressed with; and elsewhere it is the same tree."""
    came = [add_layer(blobs, LOWER, zstandard.ZstdCompressor().compress), add_layer(blobs, UPPER, bytes)]
    image = make(store, install_image(store, load(blobs, add_image(blobs, came)), "base"), "mine")

    found, compressed = exported(image, blobs, work)

    assert list(found.layers[:2]) == came
    assert compressed == 2  # what every image has, and its own
    assert [layer.media_type for layer in found.manifest.layers] == [
        media.OCI_LAYER_ZSTD,
        media.OCI_LAYER,
        media.OCI_LAYER_GZIP,
        media.OCI_LAYER_GZIP,
    ]
    other = tmp_path / "other"
    shutil.copytree(store / ".blobs", other / ".blobs")
    again = install_image(other, load(Blobs(other), found.digest), "again")
    assert seen(again) == seen(image)
    assert mounted(again, "cat workspace/more") == "more"


@either_way
def test_layers_that_are_one_file_go_on_as_they_came(store: Path, blobs: Blobs, work: Path, make: Make) -> None:
    many = [add_layer(blobs, archive((str(number), "file", str(number)))) for number in range(12)]
    install_image(store, load(blobs, add_image(blobs, many)), "first")
    own = add_layer(blobs, archive(("own", "file", "x")))
    base = install_image(store, load(blobs, add_image(blobs, [*many, own])), "second")

    found, compressed = exported(make(store, base, "mine"), blobs, work)

    assert len(base.layers) == 7
    assert len(found.layers) == 14 == sum(made for _, made in told(found))
    assert list(found.layers[:12]) == many
    assert compressed == 2  # what is above the common ones, and its own
    again = install_image(store, load(blobs, found.digest), "again")
    assert mounted(again, "ls [0-9]* own workspace/more | wc -l; cat own") == "14\nx"


@either_way
def test_blobs_of_a_base_are_kept_for_what_is_made_of_it(store: Path, blobs: Blobs, work: Path, make: Make) -> None:
    came = [add_layer(blobs, LOWER), add_layer(blobs, UPPER)]
    image = make(store, install_image(store, load(blobs, add_image(blobs, came)), "base"), "mine")
    (store / "base").unlink()

    blobs.prune(lambda: used_blobs(store))

    assert list(exported(image, blobs, work)[0].layers[:2]) == came
    (store / "mine").unlink()
    blobs.prune(lambda: used_blobs(store))
    assert not any(blobs.has(layer.digest) for layer in came)


COMMIT = "sandboxd: commit of execution e1 in {image}@{digest} by policy keep"


def test_what_a_pulled_image_says_of_itself_is_kept(store: Path, blobs: Blobs, work: Path) -> None:
    """What made its layers made those that go on as they came; of the others it is only told."""
    came = [add_layer(blobs, archive((str(number), "file", str(number)))) for number in range(8)]
    history = (
        media.History(created_by="ENV x", empty_layer=True),
        *(media.History(created_by=f"RUN {number}") for number in range(8)),
        media.History(created_by="CMD x", empty_layer=True),
    )
    execution = media.Execution(
        user="daemon", env=("A.B=1", "C=2"), entrypoint=("/a",), cmd=("b",), working_dir="/x", labels={"a": "b"}
    )
    digest = add_image(blobs, came, history=history, config=execution)
    base = install_image(store, load(blobs, digest), "base")
    one = committed_on(store, base, "one")
    two = committed_on(store, one, "two")

    found, _ = exported(two, blobs, work)

    whole = sum(map(len, packed.came_as(base.directory)))
    assert (6, 7) == (whole, len(base.layers))
    assert told(found) == [
        ("ENV x", False),
        *((f"RUN {number}", number < whole) for number in range(8)),
        ("CMD x", False),
        (f"sandboxd: layer {whole + 1}", True),
        (COMMIT.format(image="base", digest=base.digest), False),  # one layer with the next, as there may be no more
        (COMMIT.format(image="one", digest=one.digest), True),
    ]
    assert found.config.config is not None
    labels = dict(found.config.config.labels or {})
    assert set(labels) == {"a", MANIFEST_LABEL}
    assert found.config.config == media.Execution(
        user="1000:1000", env=("A.B=1", "C=2"), entrypoint=("/a",), cmd=("b",), working_dir="/workspace", labels=labels
    )
    again = install_image(store, load(blobs, found.digest), "again")
    assert mounted(again, "cat [0-7] workspace/more") == "01234567more"


@pytest.mark.parametrize("steps", [0, 1, 3])
def test_a_history_of_other_layers_than_there_are_makes_none(store: Path, blobs: Blobs, work: Path, steps: int) -> None:
    came = [add_layer(blobs, LOWER), add_layer(blobs, UPPER)]
    history = tuple(media.History(created_by=f"RUN {number}") for number in range(steps))
    base = install_image(store, load(blobs, add_image(blobs, came, history=history)), "base")

    found, _ = exported(committed_on(store, base, "mine"), blobs, work)

    assert told(found) == [
        *((f"RUN {number}", False) for number in range(steps)),
        *((f"sandboxd: layer {number}", True) for number in (1, 2, 3)),
        (COMMIT.format(image="base", digest=base.digest), True),
    ]
