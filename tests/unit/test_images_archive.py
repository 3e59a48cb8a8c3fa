"""Images in files: layouts, what docker save writes, plain roots; and writing them."""

from __future__ import annotations

import gzip
import io
import json
import os
import tarfile
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
import zstandard

from sandboxd.errors import InvalidImage, SandboxError
from sandboxd.images.blobs import Blobs, digest_of
from sandboxd.images.oci import media, packing, sources, writing
from sandboxd.images.oci.archive import Found, read_file
from sandboxd.images.oci.caps import Caps
from sandboxd.images.oci.image import load
from sandboxd.images.oci.layers import flatten
from sandboxd.images.oci.reference import parse_reference
from sandboxd.images.oci.sources import TarSource
from tests.unit.archives import add_layer, archive, listing

LAYER = archive(("etc/os-release", "file", "ID=test\n"), ("bin", "symlink", "usr/bin"))
UPPER = archive(("etc/.wh.os-release", "file"), ("new", "file", "2"))
HERE = media.host_platform()
Files = dict[str, bytes]


@pytest.fixture
def blobs(tmp_path: Path) -> Blobs:
    return Blobs(tmp_path / "store")


@pytest.fixture
def work(tmp_path: Path) -> Path:
    (tmp_path / "work").mkdir()
    return tmp_path / "work"


def descriptor(kind: str, data: bytes, **more: Any) -> dict[str, Any]:
    return {"mediaType": kind, "digest": digest_of(data), "size": len(data), **more}


def blob(data: bytes) -> tuple[str, bytes]:
    return "blobs/" + digest_of(data).replace(":", "/"), data


def config(*layers: bytes, **more: Any) -> bytes:
    document = {
        "architecture": HERE.architecture,
        "os": "linux",
        "rootfs": {"type": "layers", "diff_ids": [*map(digest_of, layers)]},
    }
    return json.dumps(document | more).encode()


def image(
    *layers: bytes, compress: Any = gzip.compress, kind: str = media.OCI_LAYER_GZIP, **more: Any
) -> tuple[dict[str, Any], Files]:
    """The descriptor of an image's manifest, and its blobs."""
    compressed, settings = [compress(layer) for layer in layers], config(*layers, **more)
    manifest = json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": media.OCI_MANIFEST,
            "config": descriptor(media.OCI_CONFIG, settings),
            "layers": [descriptor(kind, data) for data in compressed],
        }
    ).encode()
    return descriptor(media.OCI_MANIFEST, manifest), dict(map(blob, [manifest, settings, *compressed]))


def layout(*images: tuple[dict[str, Any], Files], names: tuple[str, ...] = ()) -> Files:
    files: Files = {"oci-layout": b'{"imageLayoutVersion": "1.0.0"}'}
    entries = []
    for number, (entry, content) in enumerate(images):
        annotations = {"annotations": {"org.opencontainers.image.ref.name": names[number]}} if names else {}
        entries.append(entry | annotations)
        files |= content
    return files | {"index.json": json.dumps({"schemaVersion": 2, "manifests": entries}).encode()}


def put(place: Path, files: Files, form: str = "directory") -> Path:
    """Write files as a directory, or as an archive, compressed or not."""
    if form == "directory":
        for name, data in files.items():
            path = place / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        return place
    data = archive(*((name, "file", content) for name, content in files.items()))
    compress = {"tar": bytes, "gzip": gzip.compress, "zstd": zstandard.ZstdCompressor().compress}[form]
    place.write_bytes(compress(data))
    return place


def tree(blobs: Blobs, found: Found, root: Path) -> dict[str, str]:
    root.mkdir()
    flatten(blobs, found.image.layers, root)
    return listing(root)


FORMS = ["directory", "tar", "gzip", "zstd"]
TREE = {"etc": "/", "bin": "-> usr/bin", "new": "2"}


@pytest.mark.parametrize("form", FORMS)
def test_a_layout_is_read(blobs: Blobs, tmp_path: Path, work: Path, form: str) -> None:
    entry, files = image(LAYER, UPPER)

    found = read_file(put(tmp_path / "image", layout((entry, files)), form), blobs, work)

    assert (found.image.digest, found.name) == (entry["digest"], None)
    assert tree(blobs, found, tmp_path / "root") == TREE


@pytest.mark.parametrize(
    ("compress", "kind"),
    [
        (bytes, media.OCI_LAYER),
        (zstandard.ZstdCompressor().compress, media.OCI_LAYER_ZSTD),
        (gzip.compress, media.DOCKER_LAYER_GZIP),
    ],
)
def test_layers_of_all_kinds_are_read(blobs: Blobs, tmp_path: Path, work: Path, compress: Any, kind: str) -> None:
    made = image(LAYER, UPPER, compress=compress, kind=kind)

    found = read_file(put(tmp_path / "image", layout(made)), blobs, work)

    assert tree(blobs, found, tmp_path / "root") == TREE


def saved(*layers: bytes, tags: list[str] | None = None, files: Files | None = None) -> Files:
    settings = config(*(LAYER, UPPER)[: len(layers)])
    names = [f"{number}/layer.tar" for number in range(len(layers))]
    entry = {"Config": "config.json", "RepoTags": tags, "Layers": names}
    return dict(zip(names, layers, strict=True)) | {"config.json": settings, "manifest.json": json.dumps([entry]).encode()} | (files or {})  # fmt: skip


@pytest.mark.parametrize("form", FORMS[1:])
@pytest.mark.parametrize("compress", [bytes, gzip.compress])
def test_what_docker_save_wrote_before_version_25_is_read(
    blobs: Blobs, tmp_path: Path, work: Path, form: str, compress: Any
) -> None:
    path = put(tmp_path / "image", saved(compress(LAYER), compress(UPPER), tags=["a/b:1"]), form)

    found = read_file(path, blobs, work)

    assert found.name == "a/b:1"
    assert tree(blobs, found, tmp_path / "root") == TREE


def test_a_layer_that_docker_save_wrote_once_for_two_is_found_over_its_link(
    blobs: Blobs, tmp_path: Path, work: Path
) -> None:
    manifest = json.dumps([{"Config": "c.json", "Layers": ["a/layer.tar", "b/layer.tar"]}])
    (tmp_path / "image").write_bytes(
        archive(
            ("a/layer.tar", "file", LAYER),
            ("b/layer.tar", "symlink", "../a/layer.tar"),
            ("c.json", "file", config(LAYER, LAYER)),
            ("manifest.json", "file", manifest),
        )
    )

    found = read_file(tmp_path / "image", blobs, work)

    assert [layer.diff_id for layer in found.image.layers] == [digest_of(LAYER)] * 2


@pytest.mark.parametrize("compress", [bytes, gzip.compress, zstandard.ZstdCompressor().compress])
def test_a_plain_root_is_an_image_of_one_layer(blobs: Blobs, tmp_path: Path, work: Path, compress: Any) -> None:
    (tmp_path / "root.tar").write_bytes(compress(LAYER))

    found = read_file(tmp_path / "root.tar", blobs, work)
    again = read_file(tmp_path / "root.tar", blobs, tmp_path)

    assert tree(blobs, found, tmp_path / "root") == {"etc": "/", "etc/os-release": "ID=test\n", "bin": "-> usr/bin"}
    assert found.image.digest == again.image.digest
    assert found.image.config.platform == HERE


@pytest.mark.parametrize("compress", [bytes, zstandard.ZstdCompressor().compress])
def test_a_plain_root_that_was_cut_off_is_refused(blobs: Blobs, tmp_path: Path, work: Path, compress: Any) -> None:
    """Between two entries, where nothing else tells."""
    whole = LAYER.rstrip(b"\0")
    (tmp_path / "root.tar").write_bytes(compress(whole + bytes(-len(whole) % 512)))

    with pytest.raises(InvalidImage, match="the archive has no end: it was cut off"):
        read_file(tmp_path / "root.tar", blobs, work)


def test_of_several_images_one_is_wanted(blobs: Blobs, tmp_path: Path, work: Path) -> None:
    one, two = image(LAYER), image(UPPER)
    path = put(tmp_path / "image", layout(one, two, names=("docker.io/library/one:latest", "two")))

    for wanted, entry in (("one", one[0]), ("two", two[0]), (two[0]["digest"], two[0])):
        assert read_file(path, blobs, work, wanted=wanted).image.digest == entry["digest"]
    with pytest.raises(InvalidImage, match=r"has 2 images, so one must be named: docker\.io/library/one:latest, two"):
        read_file(path, blobs, work)
    with pytest.raises(InvalidImage, match="no image of the name 'three'; there are docker"):
        read_file(path, blobs, work, wanted="three")


def test_of_an_index_the_image_for_this_machine_is_taken(blobs: Blobs, tmp_path: Path, work: Path) -> None:
    mine, other = image(LAYER), image(UPPER, architecture="s390x")
    platforms = [{"architecture": HERE.architecture, "os": "linux"}, {"architecture": "s390x", "os": "linux"}]
    entries = [entry | {"platform": platform} for (entry, _), platform in zip((mine, other), platforms, strict=True)]
    index = json.dumps({"schemaVersion": 2, "mediaType": media.OCI_INDEX, "manifests": entries}).encode()
    nested = layout((descriptor(media.OCI_INDEX, index), dict([blob(index)]) | mine[1]), names=("x",))
    flat = layout((entries[0], mine[1]), (entries[1], other[1]))

    for number, files in enumerate((nested, flat)):
        found = read_file(put(tmp_path / str(number), files), blobs, work)
        assert found.image.digest == mine[0]["digest"]


def test_an_image_for_another_machine_is_refused(blobs: Blobs, tmp_path: Path, work: Path) -> None:
    path = put(tmp_path / "image", layout(image(LAYER, architecture="s390x")))

    with pytest.raises(InvalidImage, match=f"for linux/s390x, and this is {HERE}"):
        read_file(path, blobs, work)


def changed(files: Files, name: str, data: bytes | None) -> Files:
    return {key: value for key, value in files.items() if key != name} | ({} if data is None else {name: data})


@pytest.mark.parametrize("form", ["directory", "tar"])
@pytest.mark.parametrize(
    ("name", "data", "why"),
    [
        ("index.json", b"{", "index.json: Input data was truncated"),
        ("index.json", b'{"schemaVersion": 2, "manifests": []}', "index.json: has no image"),
        (
            "index.json",
            b'{"schemaVersion": 2, "manifests": [{"digest": "sha256:../../x"}]}',
            r"index.json: manifests\[0\]",
        ),
        ("oci-layout", b"{}", "oci-layout: .*imageLayoutVersion"),
        ("oci-layout", b'{"imageLayoutVersion": "2.0.0"}', "oci-layout: imageLayoutVersion: '2.0.0'"),
        ("layer", b"x", "has 1 bytes, where .* were said"),
        ("layer", b"same size", "what came has another digest"),
        ("layer", None, "there is no such file in the image"),
        ("manifest", b"same size", "another digest|blob sha256:.*: "),
        ("config", None, "there is no such file in the image"),
    ],
)
def test_a_damaged_layout_is_refused(
    blobs: Blobs, tmp_path: Path, work: Path, form: str, name: str, data: bytes | None, why: str
) -> None:
    entry, files = image(LAYER)
    names = dict(zip(("manifest", "config", "layer"), files, strict=True))
    place = names.get(name, name)
    whole = layout((entry, files))
    data = bytes(len(whole[place])) if data == b"same size" else data

    with pytest.raises(InvalidImage, match=why):
        read_file(put(tmp_path / "image", changed(whole, place, data), form), blobs, work)


@pytest.mark.parametrize(
    ("name", "data", "why"),
    [
        ("manifest.json", b"{}", "manifest.json: Expected `array`"),
        ("manifest.json", b"[]", "manifest.json: has no image"),
        ("manifest.json", b'[{"Layers": []}]', "manifest.json: .*Config"),
        (
            "manifest.json",
            b'[{"Config": "../../etc/passwd", "Layers": []}]',
            "'../../etc/passwd': there is no such file",
        ),
        (
            "manifest.json",
            b'[{"Config": "config.json", "Layers": ["/etc/passwd"]}]',
            "'/etc/passwd': there is no such file",
        ),
        ("config.json", None, "'config.json': there is no such file"),
        ("config.json", b"{}", "config.json: rootfs: is missing"),
        ("0/layer.tar", None, "'0/layer.tar': there is no such file"),
    ],
)
def test_what_docker_save_would_not_write_is_refused(
    blobs: Blobs, tmp_path: Path, work: Path, name: str, data: bytes | None, why: str
) -> None:
    with pytest.raises(InvalidImage, match=why):
        read_file(put(tmp_path / "image", changed(saved(LAYER), name, data), "tar"), blobs, work)


def test_numbers_of_layers_and_digests_must_fit(blobs: Blobs, tmp_path: Path, work: Path) -> None:
    files = saved(LAYER, UPPER) | {"config.json": config(LAYER)}

    with pytest.raises(InvalidImage, match=r"rootfs\.diff_ids: 1 of them, for 2 layers"):
        read_file(put(tmp_path / "image", files, "tar"), blobs, work)


def test_no_link_of_a_directory_is_followed(blobs: Blobs, tmp_path: Path, work: Path) -> None:
    entry, files = image(LAYER)
    path = put(tmp_path / "image", layout((entry, files)))
    layer = path / list(files)[2]
    layer.rename(tmp_path / "elsewhere")
    layer.symlink_to(tmp_path / "elsewhere")

    with pytest.raises(InvalidImage, match="there is no such file in the image"):
        read_file(path, blobs, work)


def test_a_pipe_in_a_directory_is_not_waited_for(blobs: Blobs, tmp_path: Path, work: Path) -> None:
    entry, files = image(LAYER)
    path = put(tmp_path / "image", layout((entry, files)))
    (path / list(files)[2]).unlink()
    os.mkfifo(path / list(files)[2])

    with pytest.raises(InvalidImage, match="there is no such file in the image"):
        read_file(path, blobs, work)


def test_a_directory_that_is_no_layout_is_named(blobs: Blobs, tmp_path: Path, work: Path) -> None:
    with pytest.raises(InvalidImage, match=r"no index\.json is in it, so it is no OCI layout"):
        read_file(tmp_path, blobs, work)


def test_a_name_in_a_plain_root_is_refused(blobs: Blobs, tmp_path: Path, work: Path) -> None:
    (tmp_path / "root.tar").write_bytes(LAYER)

    with pytest.raises(InvalidImage, match="is no archive of images, so none in it can be 'x'"):
        read_file(tmp_path / "root.tar", blobs, work, wanted="x")


@pytest.mark.parametrize("form", ["tar", "gzip", "directory"])
def test_caps_hold_for_archives_too(blobs: Blobs, tmp_path: Path, work: Path, form: str) -> None:
    layer = archive(("a", "file", os.urandom(100_000)))
    path = put(tmp_path / "image", layout(image(layer, compress=bytes, kind=media.OCI_LAYER)), form)

    with pytest.raises(InvalidImage, match="more than 50000 bytes once decompressed"):
        read_file(path, blobs, work, caps=Caps(total_bytes=50_000))


def test_caps_hold_for_what_docker_save_wrote_too(blobs: Blobs, tmp_path: Path, work: Path) -> None:
    layer = archive(("a", "file", os.urandom(100_000)))

    with pytest.raises(InvalidImage, match="more than 50000 bytes once decompressed"):
        read_file(put(tmp_path / "image", saved(layer), "tar"), blobs, work, caps=Caps(total_bytes=50_000))


def test_a_size_that_does_not_fit_a_blob_is_found_though_the_blob_is_there(
    blobs: Blobs, tmp_path: Path, work: Path
) -> None:
    entry, files = image(LAYER)
    read_file(put(tmp_path / "1", layout((entry, files))), blobs, work)
    manifest = json.loads(next(iter(files.values())))
    manifest["layers"][0]["size"] += 1
    data = json.dumps(manifest).encode()

    with pytest.raises(InvalidImage, match="were said"):
        load(blobs, blobs.add(data))


def test_a_blob_that_is_there_is_not_needed_again(blobs: Blobs, tmp_path: Path, work: Path) -> None:
    """So that a layout may have only what is new."""
    entry, files = image(LAYER)
    read_file(put(tmp_path / "1", layout((entry, files))), blobs, work)

    read_file(put(tmp_path / "2", changed(layout((entry, files)), list(files)[2], None)), blobs, work)


@pytest.mark.parametrize("kind", ["file", "symlink", "hardlink"])
def test_names_in_an_archive_have_a_bound_of_all_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """One may have a megabyte, of which an archive that is small once compressed can have thousands."""
    monkeypatch.setattr(sources, "_MOST_NAME_BYTES", 1 << 20)
    names = [f"{number}{'n' * 100_000}" for number in range(100)]
    (tmp_path / "many").write_bytes(archive(*[(name, kind, name[:50_000]) for name in names]))
    tracemalloc.start()
    try:
        with (tmp_path / "many").open("rb") as file:
            source = TarSource(file, Caps())
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert (kind == "file", None) == (source.size(names[0]) is not None, source.size(names[99]))
    assert peak_bytes < 4 << 20


# Writing.


def test_what_is_written_is_read_as_the_same_image(blobs: Blobs, tmp_path: Path, work: Path) -> None:
    found = read_file(put(tmp_path / "image", layout(image(LAYER, UPPER))), blobs, work)
    name = parse_reference("registry.example/a/b:v1")
    for path in ("1", "2"):
        with (tmp_path / path).open("wb") as out:
            writing.write_archive(blobs, [(found.image, name)], out)

    again = read_file(tmp_path / "1", Blobs(tmp_path / "other"), work, wanted="registry.example/a/b:v1")

    assert (tmp_path / "1").read_bytes() == (tmp_path / "2").read_bytes()
    assert (again.image, again.name) == (found.image, "registry.example/a/b:v1")


def test_docker_of_before_version_25_can_load_it(blobs: Blobs, tmp_path: Path, work: Path) -> None:
    """Which reads manifest.json and knows no layouts."""
    found = read_file(put(tmp_path / "image", layout(image(LAYER, UPPER))), blobs, work)
    with (tmp_path / "all").open("wb") as out:
        writing.write_archive(blobs, [(found.image, parse_reference("debian:1"))], out)
    with tarfile.open(tmp_path / "all") as tar:
        files = {member.name: tar.extractfile(member).read() for member in tar if member.isreg()}
    del files["oci-layout"]

    again = read_file(put(tmp_path / "docker", files, "tar"), Blobs(tmp_path / "other"), work)

    assert again.name == "debian:1"
    assert tree(Blobs(tmp_path / "other"), again, tmp_path / "root") == TREE


def test_an_export_is_the_flattened_root(blobs: Blobs, tmp_path: Path, work: Path) -> None:
    found = read_file(put(tmp_path / "image", layout(image(LAYER, UPPER))), blobs, work)
    with (tmp_path / "root.tar").open("wb") as out:
        writing.export(blobs, found.image, work, out)

    again = read_file(tmp_path / "root.tar", blobs, tmp_path)

    assert tree(blobs, again, tmp_path / "again") == TREE


def test_a_tree_is_the_same_after_an_archive(tmp_path: Path) -> None:
    """Names, kinds, modes, times, links of both kinds: all that an image may have."""
    root = tmp_path / "root"
    (root / "d").mkdir(parents=True)
    (root / "d" / "a").write_text("1")
    (root / "d" / "a").chmod(0o741)
    os.link(root / "d" / "a", root / "b")
    (root / "l").symlink_to("/nowhere/" + "x" * 200)
    (root / ("n" * 200)).write_text("long")
    os.mkdir(os.fsencode(root) + b"/\xff")
    os.utime(root / "d" / "a", (1_234_567_890, 1_234_567_890))
    out = io.BytesIO()
    packing.write_tree(root, out)
    blobs = Blobs(tmp_path / "store")
    again = tmp_path / "again"
    again.mkdir()
    data = out.getvalue()
    flatten(blobs, [add_layer(blobs, data)], again)

    assert listing(again) == listing(root)
    one, two = (root / "d" / "a").stat(), (again / "d" / "a").stat()
    assert (one.st_mode, one.st_mtime, one.st_uid, one.st_nlink) == (
        two.st_mode,
        two.st_mtime,
        two.st_uid,
        two.st_nlink,
    )
    assert (again / "d" / "a").samefile(again / "b")


def test_a_tree_with_what_no_layer_can_have_is_refused(tmp_path: Path) -> None:
    (tmp_path / ".wh.x").touch()
    with pytest.raises(SandboxError, match="a layer can have no file of this name"):
        packing.write_tree(tmp_path, io.BytesIO())
    (tmp_path / ".wh.x").unlink()
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(SandboxError, match="neither file, directory nor link"):
        packing.write_tree(tmp_path, io.BytesIO())


def test_a_whiteout_of_overlayfs_becomes_a_layers(tmp_path: Path) -> None:
    (tmp_path / "root" / "d").mkdir(parents=True)
    os.mknod(tmp_path / "root" / "d" / "gone", 0o20000, os.makedev(0, 0))
    out = io.BytesIO()
    packing.write_tree(tmp_path / "root", out, whiteouts=True)

    with tarfile.open(fileobj=io.BytesIO(out.getvalue())) as tar:
        assert [member.name for member in tar if member.isreg()] == ["d/.wh.gone"]


def test_a_missing_blob_is_named(blobs: Blobs, tmp_path: Path, work: Path) -> None:
    entry, files = image(LAYER)
    read_file(put(tmp_path / "image", layout((entry, files))), blobs, work)
    layer = "sha256:" + list(files)[2].rpartition("/")[2]
    blobs.path(layer).unlink()

    with pytest.raises(InvalidImage, match=f"blob {layer}: not in the store"):
        load(blobs, entry["digest"])
