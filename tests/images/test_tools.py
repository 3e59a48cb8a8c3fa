"""Other people's tools read what we write, and we read what they write: skopeo and umoci, each with readers of its own."""

from __future__ import annotations

import io
import json
import os
import stat
import subprocess
import tarfile
from pathlib import Path

import pytest

from sandboxd.errors import SandboxError
from sandboxd.images.blobs import Blobs, digest_of
from sandboxd.images.exporting import MANIFEST_LABEL, to_oci
from sandboxd.images.importing import import_file, install_image
from sandboxd.images.oci import packing, writing
from sandboxd.images.oci.archive import read_file
from sandboxd.images.oci.image import OciImage
from sandboxd.images.oci.layers import flatten
from sandboxd.images.oci.media import host_platform
from sandboxd.images.oci.reference import parse_reference
from sandboxd.images.store import ImageStore
from tests.unit.archives import archive

NAME = parse_reference("registry.example/small:v1")
LOWER = archive(
    ("etc", "directory"),
    ("etc/a", "file", "1"),
    ("etc/b", "file", "1"),
    ("gone/deep", "file", "1"),
    ("opaque/old", "file", "1"),
    ("lib", "directory"),
    ("link", "symlink", "lib"),
    ("file", "file", "1"),
)
UPPER = archive(
    ("etc", "directory"),
    ("etc/.wh.a", "file"),
    ("etc/c", "hardlink", "etc/b"),
    (".wh.gone", "file"),
    ("opaque", "directory"),
    ("opaque/.wh..wh..opq", "file"),
    ("opaque/new", "file", "2"),
    ("file", "directory", "", {"mode": 0o1777}),
    ("file/in", "file", "2", {"mode": 0o400, "uid": 12, "gid": 34}),
    ("n" * 150, "symlink", "t" * 150),
)


def run(*command: str | Path, cwd: Path | None = None) -> str:
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False, cwd=cwd)
    assert done.returncode == 0, done.stderr
    return done.stdout


def skopeo(source: str, target: str) -> None:
    run("skopeo", "--insecure-policy", "copy", "--quiet", source, target)


def tree(root: Path) -> dict[str, tuple[object, ...]]:
    """Everything below a directory: kind, mode, owner, and content or target; links of one file by the names that it has."""
    found: dict[str, tuple[object, ...]] = {}
    names: dict[int, list[str]] = {}
    for directory, subdirectories, files in os.walk(root):
        for name in [*subdirectories, *files]:
            path = Path(directory, name)
            status, relative = path.lstat(), str(path.relative_to(root))
            content: object = None
            if stat.S_ISLNK(status.st_mode):
                content = os.readlink(path)
            elif stat.S_ISREG(status.st_mode):
                content = path.read_bytes()
                names.setdefault(status.st_ino, []).append(relative)
            found[relative] = (oct(status.st_mode), status.st_uid, status.st_gid, content)
    return found | {"links": (sorted(sorted(same) for same in names.values() if len(same) > 1),)}


@pytest.fixture
def image(blobs: Blobs, tmp_path: Path, work: Path) -> OciImage:
    """Two layers of ours, with whiteouts and links."""
    config = {
        "architecture": host_platform().architecture,
        "os": "linux",
        "rootfs": {"type": "layers", "diff_ids": [digest_of(LOWER), digest_of(UPPER)]},
    }
    files = {
        "config.json": json.dumps(config).encode(),
        "manifest.json": b'[{"Config": "config.json", "RepoTags": ["small:v1"], "Layers": ["lower", "upper"]}]',
        "lower": LOWER,
        "upper": UPPER,
    }
    (tmp_path / "saved.tar").write_bytes(archive(*((name, "file", data) for name, data in files.items())))
    return read_file(tmp_path / "saved.tar", blobs, work).image


@pytest.fixture
def ours(blobs: Blobs, image: OciImage, tmp_path: Path) -> Path:
    """What we make of it."""
    root = tmp_path / "ours"
    root.mkdir()
    flatten(blobs, image.layers, root)
    return root


@pytest.fixture
def written(blobs: Blobs, image: OciImage, tmp_path: Path) -> Path:
    """The archive that we write of it."""
    with (tmp_path / "written.tar").open("wb") as out:
        writing.write_archive(blobs, [(image, NAME)], out)
    return tmp_path / "written.tar"


def test_skopeo_reads_our_archive_and_umoci_unpacks_the_same_tree(written: Path, ours: Path, tmp_path: Path) -> None:
    skopeo(f"oci-archive:{written}:v1", f"oci:{tmp_path}/layout:x")
    run("umoci", "unpack", "--image", f"{tmp_path}/layout:x", tmp_path / "bundle")

    assert tree(ours) == tree(tmp_path / "bundle" / "rootfs")
    assert (ours / "etc" / "c").samefile(ours / "etc" / "b")


def test_umoci_reads_our_layout_where_it_lies(written: Path, ours: Path, tmp_path: Path) -> None:
    with tarfile.open(written) as tar:
        tar.extractall(tmp_path / "layout")
    run("umoci", "unpack", "--image", f"{tmp_path}/layout:v1", tmp_path / "bundle")

    assert tree(ours) == tree(tmp_path / "bundle" / "rootfs")


def test_skopeo_reads_our_archive_as_dockers(written: Path, image: OciImage, tmp_path: Path) -> None:
    skopeo(f"docker-archive:{written}:registry.example/small:v1", f"oci:{tmp_path}/layout:x")

    raw = json.loads(run("skopeo", "inspect", "--config", "--raw", f"oci:{tmp_path}/layout:x"))
    assert raw["rootfs"]["diff_ids"] == [layer.diff_id for layer in image.layers]


@pytest.mark.parametrize("way", ["oci", "oci-archive", "docker-archive"])
def test_we_read_what_skopeo_writes(written: Path, ours: Path, tmp_path: Path, work: Path, way: str) -> None:
    target = tmp_path / "copied"
    name = "registry.example/small:v1" if way == "docker-archive" else "v1"
    skopeo(f"oci-archive:{written}:v1", f"{way}:{target}:{name}")
    blobs, root = Blobs(tmp_path / "other"), tmp_path / "theirs"
    root.mkdir()

    found = read_file(target, blobs, work)
    flatten(blobs, found.image.layers, root)

    assert found.name == name
    assert tree(root) == tree(ours)


def test_we_read_what_umoci_writes(blobs: Blobs, small_root: Path, tmp_path: Path, work: Path) -> None:
    """An image in three layers, with whiteouts that umoci has found by itself."""
    layout, bundle, root = tmp_path / "layout", tmp_path / "bundle", tmp_path / "theirs"
    run("umoci", "init", "--layout", layout)
    run("umoci", "new", "--image", f"{layout}:v1")
    run("umoci", "insert", "--image", f"{layout}:v1", small_root, "/")
    run("umoci", "unpack", "--image", f"{layout}:v1", bundle)
    (bundle / "rootfs" / "etc" / "motd").unlink()
    (bundle / "rootfs" / "var" / "mail").rmdir()
    (bundle / "rootfs" / "var" / "mail").symlink_to("/nowhere")
    (bundle / "rootfs" / "opt" / "new").mkdir(parents=True)
    (bundle / "rootfs" / "opt" / "new" / "file").write_text("new")
    run("umoci", "repack", "--image", f"{layout}:v1", bundle)
    root.mkdir()

    found = read_file(layout, blobs, work)
    omissions = flatten(blobs, found.image.layers, root)

    expected = tree(bundle / "rootfs")
    assert "etc/motd" not in expected
    assert expected["opt/new/file"][-1] == b"new"
    mode, *rest = expected["bin/cat"]
    assert mode == "0o104755"
    assert tree(root) == expected | {"bin/cat": ("0o100755", *rest)}
    assert omissions.privileges == 1


def test_only_the_device_that_is_a_whiteout_becomes_one(tmp_path: Path) -> None:
    os.mknod(tmp_path / "null", 0o20000, os.makedev(1, 3))

    with pytest.raises(SandboxError, match="null: neither file, directory nor link"):
        packing.write_tree(tmp_path, io.BytesIO(), whiteouts=True)


def test_an_image_of_ours_keeps_its_languages_over_there_and_back(
    store: Path, blobs: Blobs, small_root: Path, tmp_path: Path, work: Path
) -> None:
    """A built image, without oci.json, through skopeo's hands into another store."""
    with tarfile.open(tmp_path / "small.tar", "w") as tar:
        tar.add(small_root, ".")
    place = import_file(store, tmp_path / "small.tar", "small").layers[-1].parent
    (place / "oci.json").unlink()
    (place / "manifest.toml").write_text(
        '[env]\nGREETING = "\\u00e4 \\"b\\""\n\n[languages.sh]\nsource = "a.sh"\nextensions = [".sh"]\nrun = ["sh", "{entrypoint}"]\n'
    )
    built = ImageStore(store).get("small")
    assert built is not None

    one, two = (to_oci(built, blobs, work) for _ in range(2))
    with (tmp_path / "ours.tar").open("wb") as out:
        writing.write_archive(blobs, [(one, NAME)], out)
    skopeo(f"oci-archive:{tmp_path}/ours.tar:v1", f"docker-archive:{tmp_path}/docker.tar:x.example/y:1")
    again = import_file(tmp_path / "other", tmp_path / "docker.tar", "again")

    assert one == two
    assert one.config.config is not None
    assert MANIFEST_LABEL in (one.config.config.labels or {})
    assert (again.languages, again.env) == (built.languages, built.env)
    assert again.env["GREETING"] == 'ä "b"'
    # One root: only what is written anew at an import, and that is the same.
    assert again.digest == built.digest
    assert install_image(store, one, "direct").digest == built.digest
