"""Images of several layers: each is a file of its own, shared, and all together are what they would be as one tree."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sandboxd.client import SandboxClient
from sandboxd.errors import InvalidImage
from sandboxd.images import versions
from sandboxd.images.blobs import Blobs, digest_of
from sandboxd.images.importing import install_image
from sandboxd.images.layering import finish
from sandboxd.images.oci import media
from sandboxd.images.oci.caps import Caps
from sandboxd.images.oci.image import load
from sandboxd.images.oci.layers import Layer, flatten
from sandboxd.images.origin import read_origin
from sandboxd.images.store import Image, ImageStore
from sandboxd.images.tree import Tree
from sandboxd.model import MOST_LAYERS
from sandboxd.v1 import execution_service_pb2 as pb
from tests.image_store import mounted, put
from tests.server import serving
from tests.unit.archives import Item, add_layer, archive

# Tells of all below the current directory what a program can see: kind, mode, owners, time, content; and what is one file.
LOOK = """
import hashlib, json, os, stat
found, same = {}, {}
for directory, directories, files in os.walk("."):
    for name in [*directories, *files]:
        path = os.path.join(directory, name)
        status = os.lstat(path)
        content = os.readlink(path) if stat.S_ISLNK(status.st_mode) else ""
        if stat.S_ISREG(status.st_mode):
            content = hashlib.sha256(open(path, "rb").read()).hexdigest()
            same.setdefault((status.st_dev, status.st_ino), []).append(path)
        found[path] = [oct(status.st_mode), status.st_uid, status.st_gid, int(status.st_mtime), content]
status = os.stat(".")
found["."] = [oct(status.st_mode), status.st_uid, status.st_gid, int(status.st_mtime), ""]
print(json.dumps([found, sorted(map(sorted, same.values()))]))
"""
UNIT = Path(__file__).parents[2] / "deploy" / "sandboxd.service"
# As systemd has them and as setpriv does.
CAPABILITIES = ",".join(
    [
        "-all",
        *(
            f"+{name.removeprefix('CAP_').lower()}"
            for name in re.findall(r"(?m)^CapabilityBoundingSet=(.*)", UNIT.read_text())[0].split()
        ),
    ]
)
Seen = tuple[dict[str, list[object]], list[list[str]]]


def add_image(blobs: Blobs, oci: Sequence[Layer], **more: object) -> str:
    """Make an image of layers, with more in its config; returns its manifest's digest."""
    platform = media.host_platform()
    config = media.encode(
        media.Config(
            architecture=platform.architecture,
            os=platform.os,
            rootfs=media.RootFS(diff_ids=tuple(layer.diff_id for layer in oci)),
            **more,
        )
    )
    manifest = media.Manifest(
        schema_version=2,
        media_type=media.OCI_MANIFEST,
        config=media.Descriptor(media_type=media.OCI_CONFIG, digest=blobs.add(config), size=len(config)),
        layers=tuple(
            media.Descriptor(
                media_type=media.OCI_LAYER_GZIP, digest=layer.digest, size=blobs.path(layer.digest).stat().st_size
            )
            for layer in oci
        ),
    )
    return blobs.add(media.encode(manifest))


def install(store: Path, name: str, *archives: Sequence[Item], lines: list[str] | None = None, caps: Caps | None = None) -> Image:  # fmt: skip
    """Import an image of such archives."""
    blobs = Blobs(store)
    digest = add_image(blobs, [add_layer(blobs, archive(*items)) for items in archives])
    return install_image(store, load(blobs, digest), name, (lines if lines is not None else []).append, caps=caps)


def seen(image: Image) -> Seen:
    """See an image as a container does."""
    found, same = json.loads(mounted(image, f"exec {sys.executable} -c '{LOOK}'"))
    return found, same


def flat(store: Path, root: Path, *archives: Sequence[Item]) -> Seen:
    """Have the same as one tree."""
    blobs = Blobs(store)
    root.mkdir()
    flatten(blobs, [add_layer(blobs, archive(*items)) for items in archives], root)
    tree = Tree(root)
    finish(tree)
    tree.set_times()
    done = subprocess.run([sys.executable, "-c", LOOK], cwd=root, stdout=subprocess.PIPE, check=True)
    found, same = json.loads(done.stdout)
    return found, same


def check_alike(tmp_path: Path, *archives: Sequence[Item]) -> None:
    """Whatever archives are, both ways they are the same, or are refused with the same words."""
    store = tmp_path / "images"
    try:
        one, files = flat(store, tmp_path / "root", *archives)
    except InvalidImage as error:
        refusal = str(error)
        with pytest.raises(InvalidImage) as raised:
            install(store, "x", *archives)
        assert str(raised.value).partition("/images/")[0] == refusal.partition("/root")[0].partition("/images/")[0]
        return
    other, more_files = seen(install(store, "x", *archives))
    assert other == one
    # What a layer links to in another is copied: a third name, below, stays with the file there.
    for names in more_files:
        assert any(set(names) <= set(together) for together in files)


DEEP: list[Item] = [
    ("d", "directory", "", {"mode": 0o750, "uid": 5, "gid": 6}),
    ("d/e", "directory", "", {"mode": 0o711}),
    ("d/e/f", "file", "1", {"mtime": 1_000_000_000, "uid": 7}),
    ("d/g", "file", "1"),
    ("d/h", "hardlink", "d/g"),
    ("s", "symlink", "d/e"),
    ("n", "symlink", "nothing"),
    ("abs", "symlink", "/d"),
]


@pytest.mark.parametrize(
    "upper",
    [
        [("d", "directory", "", {"mode": 0o1777, "gid": 9})],
        [("d/e/f", "file", "2")],
        [("d/new/deep", "file", "2")],
        [("d", "file", "2")],
        [("d", "symlink", "s")],
        [("d/g", "directory"), ("d/g/x", "file", "2")],
        [("d/.wh.e", "file")],
        [("d/.wh.e", "file"), ("d/e", "directory"), ("d/e/x", "file", "2")],
        [(".wh.d", "file"), ("d/e/x", "file", "2")],
        [("d/.wh..wh..opq", "file")],
        [("d/.wh..wh..opq", "file"), ("d/e/x", "file", "2")],
        [("d/e/.wh..wh..opq", "file"), ("d/e/f", "file", "2")],
        [(".wh..wh..opq", "file"), ("x", "file", "2")],
        [("x", "hardlink", "d/g")],
        [("d/e/x", "hardlink", "d/e/f"), ("y", "hardlink", "d/e/x")],
        [("d/g", "file", "2"), ("x", "hardlink", "d/g")],
        [("d/.wh.g", "file"), ("x", "hardlink", "d/h")],
        [("x", "hardlink", "s/f")],
        [("d/e/f", "hardlink", "d/g")],
        [("s/x", "file", "2")],
        [("abs/e/x", "file", "2"), ("abs/.wh.g", "file")],
        [("s", "directory"), ("s/x", "file", "2")],
        [("s", "directory"), ("s/.wh..wh..opq", "file")],
        [("d/g", "symlink", "h")],
        [("d/e", "file", "2"), ("d/e", "directory")],
        [("etc/passwd", "symlink", "/d/g"), ("tmp", "file", "2"), ("dev/null", "file", "2")],
        [("d/fifo", "fifo"), ("d/char", "char"), ("d/setuid", "file", "2", {"mode": 0o6755})],
        # What is refused.
        [("../x", "file", "2")],
        [("n/x", "file", "2")],
        [("d/g/x", "file", "2")],
        [("x", "hardlink", "s")],
        [("x", "hardlink", "d")],
        [("x", "hardlink", "nothing")],
        [("x", "hardlink", "../../etc/passwd")],
        [("d/.wh..", "file")],
        [("d/.wh.x/y", "file", "2")],
        [(".", "file", "2")],
        [("etc", "symlink", "d")],
        [("etc", "file", "2")],
        [("s", "symlink", "s"), ("s/x", "file", "2")],
    ],
    ids=lambda items: " ".join(f"{name}:{kind}" for name, kind, *_ in items),
)
def test_a_layer_over_another_is_what_it_is_in_one_tree(tmp_path: Path, upper: list[Item]) -> None:
    check_alike(tmp_path, DEEP, upper, [("above", "file", "3"), ("d", "directory", "", {"mode": 0o700})])


_NAMES = st.lists(st.sampled_from(["a", "b", "c"]), min_size=1, max_size=3).map("/".join)
_FIELDS = st.fixed_dictionaries(
    {"mode": st.sampled_from([0o644, 0o755, 0o1777, 0o4711]), "uid": st.sampled_from([0, 7])}
)
_ITEMS = st.one_of(
    st.tuples(_NAMES, st.just("file"), st.sampled_from("12"), _FIELDS),
    st.tuples(_NAMES, st.just("directory"), st.just(""), _FIELDS),
    st.tuples(_NAMES, st.sampled_from(["symlink", "hardlink"]), st.one_of(_NAMES, _NAMES.map("/{}".format))),
    st.tuples(_NAMES.map(lambda path: f"{os.path.dirname(path)}/.wh.{os.path.basename(path)}"), st.just("file")),
    st.tuples(_NAMES.map("{}/.wh..wh..opq".format), st.just("file")),
)


@settings(
    max_examples=int(os.environ.get("SANDBOXD_EXAMPLES", "25")),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.lists(st.lists(_ITEMS, max_size=6), min_size=1, max_size=4))
def test_any_layers_are_what_they_are_in_one_tree(
    tmp_path_factory: pytest.TempPathFactory, archives: list[list[Item]]
) -> None:
    check_alike(tmp_path_factory.mktemp("alike"), *archives)


# What is shared.

BASE: list[Item] = [("base", "file", "b" * 100_000)]
MIDDLE: list[Item] = [("middle", "file", "m" * 100_000)]


def unpacked(lines: Sequence[str]) -> list[str]:
    return [line for line in lines if line.startswith("unpacking")]


def test_images_that_share_a_base_store_and_unpack_it_once(store: Path) -> None:
    lines: list[str] = []
    images = [
        install(store, f"image{number}", BASE, MIDDLE, [("own", "file", str(number))], lines=lines)
        for number in range(10)
    ]

    for layer in (0, 1):
        assert len({image.layers[layer].stat().st_ino for image in images}) == 1
    assert len({image.layers[2].stat().st_ino for image in images}) == 10
    assert len({image.digest for image in images}) == 10
    assert unpacked(lines).count("unpacking layer 1 of 3") == 1
    assert unpacked(lines).count("unpacking layer 3 of 3") == 10
    for number, image in enumerate(images):
        assert mounted(image, "cat own") == str(number)


def test_a_layer_that_comes_out_the_same_over_another_base_is_one_file(store: Path) -> None:
    own: list[Item] = [("own", "file", "x")]

    one = install(store, "one", BASE, own)
    other = install(store, "other", MIDDLE, own)

    assert one.layers[1].samefile(other.layers[1])
    assert not one.layers[0].samefile(other.layers[0])


def test_a_layer_is_not_there_without_what_it_is_over(store: Path) -> None:
    """Its file may be another layer's, too, and so outlast the image that it was made for, and the layers below."""
    own: list[Item] = [("own", "file", "x")]
    install(store, "one", BASE, own)
    install(store, "other", MIDDLE, own)
    (store / "one").unlink()
    with versions.writing(store, lambda _line: None):
        pass

    image = install(store, "one", BASE, own)

    assert len(image.layers) == 3
    assert mounted(image, "cat own; wc -c < base") == "x100000\n"


def test_one_archive_twice_is_two_files(store: Path) -> None:
    """For the kernel puts no layer over itself."""
    image = install(store, "x", BASE, [(".wh.base", "file")], BASE, [(".wh.base", "file")], MIDDLE)

    assert mounted(image, "ls base middle 2>&1 || true").splitlines()[1:] == ["middle"]
    assert len({layer.stat().st_ino for layer in image.layers}) == 6
    again = install(store, "again", BASE, [(".wh.base", "file")], BASE)
    assert [one.samefile(two) for one, two in zip(image.layers, again.layers[:3], strict=False)] == [True] * 3
    assert mounted(again, "wc -c < base") == "100000\n"


def test_a_layer_is_kept_as_long_as_an_image_has_it(store: Path) -> None:
    one = install(store, "one", BASE, MIDDLE, [("own", "file", "1")])
    other = install(store, "other", BASE, [("own", "file", "2")])
    base, directory = other.layers[0].stat().st_ino, one.directory
    del one, other

    def kept() -> set[int]:
        with versions.writing(store, lambda _line: None):
            pass
        return {path.stat().st_ino for path in (store / ".layers").glob("*/root.erofs")}

    assert len(kept()) == 4
    (store / "one").unlink()
    left = kept()
    assert not directory.exists()
    assert base in left
    assert len(left) == 2
    (store / "other").unlink()
    assert kept() == set()


def test_two_names_of_one_layer_do_not_keep_each_other(store: Path) -> None:
    """Both are links to one file, and no image has it any more."""
    own: list[Item] = [("own", "file", "x")]
    install(store, "one", BASE, own)
    install(store, "other", MIDDLE, own)
    for name in ("one", "other"):
        (store / name).unlink()

    with versions.writing(store, lambda _line: None):
        pass

    assert os.listdir(store / ".layers") == []


def test_an_archive_that_changes_nothing_is_no_layer(store: Path) -> None:
    lines: list[str] = []
    install(store, "one", BASE, [], MIDDLE, [("own", "file", "1")])

    image = install(store, "other", BASE, [], MIDDLE, [("own", "file", "2")], lines=lines)

    assert len(image.layers) == 4  # and the one that every image has
    assert unpacked(lines) == ["unpacking layer 4 of 4"]


MANY: list[list[Item]] = [
    [(str(number), "file", str(number) * 1000), ("last", "file", str(number))] for number in range(12)
]


def test_layers_beyond_the_most_are_one_and_leave_room_for_another(store: Path) -> None:
    image = install(store, "many", *MANY)

    assert len(image.layers) == MOST_LAYERS - 1
    assert mounted(image, "cat last; ls [0-9]* | wc -l") == "1112\n"


def test_images_of_a_base_of_many_layers_share_it(store: Path) -> None:
    """The first cannot know what others will have; those after it share it all."""
    lines: list[str] = []
    first, second, *others = (
        install(store, f"image{number}", *MANY, [("own", "file", str(number))], lines=lines) for number in range(5)
    )

    assert [one.samefile(two) for one, two in zip(first.layers, second.layers, strict=True)] == [True] * 5 + [False] * 2
    for number, image in enumerate(others, 2):
        shared = [one.samefile(two) for one, two in zip(image.layers, second.layers, strict=True)]
        assert shared == [True] * 6 + [False]
        assert mounted(image, "cat last own; ls [0-9]* | wc -l") == f"11{number}12\n"
    assert unpacked(lines).count("unpacking layer 13 of 13") == 5
    assert unpacked(lines).count("unpacking layer 12 of 13") == 2
    assert unpacked(lines).count("unpacking layer 5 of 13") == 1


def test_it_takes_no_more_capabilities_than_the_unit_has(store: Path) -> None:
    script = "from tests.images.test_layers import *\ninstall(Path(sys.argv[1]), 'x', DEEP, [('d/.wh.e', 'file'), ('d/e/x', 'file'), ('y', 'hardlink', 'd/g')])"
    command = ["setpriv", "--bounding-set", CAPABILITIES, sys.executable, "-c", script, str(store)]
    subprocess.run(command, check=True, env=os.environ | {"PYTHONPATH": str(UNIT.parents[1])})

    image = ImageStore(store).get("x")
    assert image is not None
    assert mounted(image, "ls d/e; cat y") == "x\n1"
    assert len(image.layers) == 3


def test_it_runs_in_a_container(store: Path, small_root: Path) -> None:
    """Of a real server: what is whited out is gone there, what is hard-linked is there."""
    base: list[Item] = [
        (str(path.relative_to(small_root)), "file", path.read_bytes(), {"mode": 0o755})
        for path in small_root.rglob("*")
        if path.is_file() and not path.is_symlink()
    ]
    image = install(
        store,
        "small",
        [*base, ("var/old", "file", "x")],
        [("etc/.wh.motd", "file"), ("etc/more", "hardlink", "etc/issue"), ("var/.wh..wh..opq", "file")],
        [("etc/last", "file", "last\n")],
    )
    put(store, "default")
    script = "/bin/cat /etc/more /etc/last; /bin/ls /var; /bin/cat /etc/motd"
    with serving("--state-dir", str(store.parent)) as server, SandboxClient(server.address) as client:
        answer = client.execute(
            pb.ExecuteRequest(image="small", command=pb.Command(argv=["/bin/sh", "-c", script])), timeout=60
        )

    assert len(image.layers) == 4
    assert answer.run.stdout.data == b"of the image\nlast\n"
    assert answer.run.stderr.data == b"/bin/cat: /etc/motd: No such file or directory\n"


# What is not believed because it is there.


def test_bounds_are_of_all_layers_those_that_are_there_too(store: Path) -> None:
    install(store, "base", BASE)

    with pytest.raises(InvalidImage, match="layer 2 of 2: more than 150000 bytes once decompressed"):
        install(store, "x", BASE, MIDDLE, caps=Caps(total_bytes=150_000))
    with pytest.raises(InvalidImage, match="more than 1 entries"):
        install(store, "x", BASE, [("a", "file")], caps=Caps(entries=1))


def test_what_a_link_has_the_kernel_copy_is_paid_for(store: Path) -> None:
    """Each layer would copy what it links to in the one below: a few bytes would become as many as the image has, time and again."""
    links: list[list[Item]] = [[(f"link{number}", "hardlink", "base")] for number in range(5)]

    with pytest.raises(InvalidImage, match="layer 4 of 6: more than 350000 bytes once decompressed"):
        install(store, "x", BASE, *links, caps=Caps(total_bytes=350_000))


def test_a_blob_that_is_not_what_was_unpacked_is_looked_into(store: Path, blobs: Blobs) -> None:
    """It says that it has the archive of a layer that is there."""
    install(store, "base", BASE)
    lie = Layer(digest=add_layer(blobs, archive(*MIDDLE)).digest, diff_id=digest_of(archive(*BASE)))

    with pytest.raises(InvalidImage, match="layer 1 of 1: its diff_id is"):
        install_image(store, load(blobs, add_image(blobs, [lie])), "x")


def test_what_was_left_out_is_told_of_layers_that_were_there(store: Path) -> None:
    lower: list[Item] = [*BASE, ("fifo", "fifo")]
    install(store, "one", lower)

    image = install(store, "two", lower, [("fifo2", "fifo"), ("x", "file")])

    origin = read_origin(image.directory)
    assert origin is not None
    assert origin.left_out == {"special_files": 2}


def test_a_refused_layer_leaves_those_below_it_out_too(store: Path) -> None:
    with pytest.raises(InvalidImage, match="layer 2 of 2"):
        install(store, "x", BASE, [("../x", "file")])

    assert ImageStore(store).get("x") is None
    assert os.listdir(store / ".tmp") == os.listdir(store / ".layers") == []


ON_AN_OVERLAY = """
import sys
from pathlib import Path
from sandboxd.images.blobs import Blobs
from sandboxd.images.importing import install_image
from sandboxd.images.oci.image import load

store = Path(sys.argv[1])
image = install_image(store, load(Blobs(store), sys.argv[2]), "x", print)
print(len(image.layers))
"""


def test_where_no_overlay_can_be_mounted_the_layers_become_one(store: Path, blobs: Blobs) -> None:
    """As in a store on an overlay, in a container of somebody else's."""
    digest = add_image(blobs, [add_layer(blobs, archive(*items)) for items in (BASE, MIDDLE)])
    other = store.parent / "other"
    for name in ("root", "upper", "work"):
        (other / name).mkdir(parents=True)
    script = (
        'mount -t overlay -o lowerdir="$0",upperdir="$1/upper",workdir="$1/work" overlay "$1/root"; shift; exec "$@"'
    )
    command = ["unshare", "--mount", "sh", "-ec", script, store, other, sys.executable, "-c", ON_AN_OVERLAY]
    done = subprocess.run([*map(str, command), other / "root", digest], stdout=subprocess.PIPE, text=True, check=True)

    lines = done.stdout.splitlines()
    assert any(line.startswith("its layers become one: no overlay can be mounted") for line in lines)
    assert lines[-1] == "1"


def test_hostile_archives_do_no_more_over_others_than_in_one_tree(tmp_path: Path) -> None:
    """All that tests/unit tries with one tree, in a mount namespace where each layer is put over those below it."""
    root = UNIT.parents[1]
    tests = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "tests.images.overlaid",
        "tests/unit/test_images_oci_layers.py",
    ]
    done = subprocess.run(
        ["unshare", "--mount", *tests, f"--basetemp={tmp_path / 'tests'}"],
        env=os.environ | {"PYTHONPATH": str(root), "TMPDIR": str(tmp_path)},
        cwd=root,
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout
    assert re.search(r"\b1[0-9][0-9] passed", done.stdout)
